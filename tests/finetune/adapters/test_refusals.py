from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("peft")
pytest.importorskip("xllamacpp")

from finetune.adapters.base_checkpoint import checkpoint_of
from finetune.adapters.export import export_run
from finetune.adapters.frozen_model import open_model
from finetune.adapters.refusals import REFUSALS, RefusalFit, fit_bias, fit_refusals, refusal_margins
from finetune.data.row_files import write_rows
from finetune.data.rows import ExampleKind
from finetune.training.checkpoint import load_tokenizer
from finetune.training.run import Run
from ingest.errors import TrainingDataError, UsageError
from service.releases.release import read_adapter
from tests.finetune.conftest import TinyBase
from tests.finetune.finished_run import examples, tiny_run

# peft 0.21 uses a property that transformers 5.23 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

logits = st.floats(-19, 19)


@pytest.fixture
def run(tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("finetune.adapters.machine_peak.matmul_peak", lambda *_shape: 1e11)
    return tiny_run(tiny_base.home, tiny_base.gguf, tmp_path / "runs" / "sft-1")


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    rows = [
        replace(row, id=f"held-out-{row.id}", kind=ExampleKind.REFUSAL if number % 2 else row.kind)
        for number, row in enumerate(examples())
    ]
    write_rows(tmp_path / "held_out.sft.jsonl", rows)
    return tmp_path / "held_out.sft.jsonl"


@given(
    st.lists(logits, min_size=1, max_size=30),
    st.lists(logits, min_size=1, max_size=30),
    st.floats(0, 0.99),
)
def test_no_more_answerable_rows_are_refused_than_is_allowed_and_a_smaller_bias_would_refuse_more(
    answerable: list[float], unanswerable: list[float], most_false: float
) -> None:
    margins, refuse = [*answerable, *unanswerable], [False] * len(answerable) + [True] * len(unanswerable)
    fit = fit_bias(margins, refuse, most_false, "d")
    assert fit.refused_answerable <= most_false * len(answerable)
    assert fit.refused_unanswerable == sum(margin >= fit.bias for margin in unanswerable)
    assert sum(margin >= fit.bias - 0.02 for margin in answerable) > most_false * len(answerable) - 1
    assert fit.without == (sum(m >= 0 for m in answerable), sum(m >= 0 for m in unanswerable))


def test_a_margin_is_the_lead_of_a_refusals_first_token(tiny_base: TinyBase, run: Run) -> None:
    checkpoint = checkpoint_of(run, tiny_base.home)
    model = open_model(checkpoint, run.folder)
    margins = list(refusal_margins(model, load_tokenizer(checkpoint), examples()))
    assert len(margins) == len(examples())
    assert len(set(margins)) > 1
    assert max(margins) < 0, "a model with random weights does not begin with a refusal"


@pytest.mark.parametrize("refuse", [[True, True], [False, False]])
def test_rows_of_one_kind_fit_nothing(refuse: list[bool]) -> None:
    with pytest.raises(TrainingDataError, match="expected some of both"):
        fit_bias([0.0, 1.0], refuse, 0.1, "d")


def test_rows_that_were_trained_on_fit_nothing(tiny_base: TinyBase, run: Run) -> None:
    with pytest.raises(TrainingDataError, match="held out"):
        fit_refusals(tiny_base.home, run, run.data, 0.1)


def test_what_was_fitted_is_kept_with_the_adapter_and_never_changes(
    tiny_base: TinyBase, run: Run, held_out: Path
) -> None:
    fit = fit_refusals(tiny_base.home, run, held_out, 0.1)
    assert RefusalFit(**json.loads((run.folder / REFUSALS).read_text()) | {"without": fit.without}) == fit
    record = export_run(tiny_base.home, run, refusals=fit)
    assert read_adapter(record.path).refusal_bias == fit.bias != 0
    assert REFUSALS in record.files
    with pytest.raises(UsageError, match="adapters never change"):
        export_run(tiny_base.home, run)
