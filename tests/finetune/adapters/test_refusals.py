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
from finetune.data.rows import ExampleKind, TrainingExample
from finetune.training.checkpoint import load_tokenizer
from finetune.training.run import Run
from ingest.errors import TrainingDataError, UsageError
from service.prompt import template_for
from service.releases.release import read_adapter
from tests.finetune.conftest import TinyBase
from tests.finetune.finished_run import examples, tiny_run
from tests.finetune.llama_server import llama_server

# peft 0.21 uses a property that transformers 5.23 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

logits = st.floats(-19, 19)


@pytest.fixture
def run(tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("finetune.adapters.machine_peak.matmul_peak", lambda *_shape: 1e11)
    return tiny_run(tiny_base.home, tiny_base.gguf, tmp_path / "runs" / "sft-1")


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    write_rows(tmp_path / "held_out.sft.jsonl", other_examples())
    return tmp_path / "held_out.sft.jsonl"


def other_examples() -> list[TrainingExample]:
    """Rows that ``examples`` has not, every second one a refusal."""
    return [
        replace(
            row,
            messages=(row.messages[0], replace(row.messages[1], content=f"{row.messages[1].content} Say.")),
            kind=ExampleKind.REFUSAL if number % 2 else row.kind,
        )
        for number, row in enumerate(examples())
    ]


def test_what_refuses_every_unanswerable_row_refuses_no_answerable_one_for_nothing() -> None:
    margins, refuse = [*[-6.0, -5.0] * 50, *[6.0] * 100], [False] * 100 + [True] * 100
    fit = fit_bias(margins, refuse, 0.1, "d")
    assert (fit.bias, fit.refused_answerable, fit.refused_unanswerable) == (-4.99, 0, 100)


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
    assert sum(margin >= fit.bias - 0.02 for margin in answerable) > fit.refused_answerable
    for greater in (margin for margin in margins if margin > fit.bias):
        if sum(margin >= greater for margin in unanswerable) == fit.refused_unanswerable:
            # Biases are hundredths of a logit.
            assert sum(margin >= greater + 0.01 for margin in answerable) >= fit.refused_answerable - 1
    assert fit.without == (sum(m >= 0 for m in answerable), sum(m >= 0 for m in unanswerable))


def test_a_margin_is_the_lead_of_a_refusals_first_token(tiny_base: TinyBase, run: Run) -> None:
    checkpoint = checkpoint_of(run, tiny_base.home)
    model = open_model(checkpoint, run.folder)
    margins = list(refusal_margins(model, load_tokenizer(checkpoint), examples()))
    assert len(margins) == len(examples())
    assert len(set(margins)) > 1
    assert max(margins) < 0, "a model with random weights does not begin with a refusal"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_token_that_is_measured_is_the_one_that_serving_names(tiny_base: TinyBase, language: str) -> None:
    refusal = template_for(language).refusal
    with llama_server(tiny_base.gguf) as client:
        served = client.post("/tokenize", json={"content": refusal, "add_special": False}).json()["tokens"]
    assert served == load_tokenizer(tiny_base.folder).encode(refusal)


@pytest.mark.parametrize("refuse", [[True, True], [False, False]])
def test_rows_of_one_kind_fit_nothing(refuse: list[bool]) -> None:
    with pytest.raises(TrainingDataError, match="expected some of both"):
        fit_bias([0.0, 1.0], refuse, 0.1, "d")


def test_rows_that_were_trained_on_fit_nothing(tiny_base: TinyBase, run: Run, tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"6 of 6 .* held out"):
        fit_refusals(tiny_base.home, run, run.data, 0.1)
    some = [*other_examples(), replace(examples()[0], id="another", target="16. [1]"), examples()[3]]
    write_rows(tmp_path / "some.jsonl", some)
    with pytest.raises(TrainingDataError, match=r"2 of 8 .* held out"):
        fit_refusals(tiny_base.home, run, tmp_path / "some.jsonl", 0.1)


def test_the_rows_of_a_run_are_known_by_their_hash_where_they_are_gone(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    run.data.rename(tmp_path / "moved.jsonl")
    with pytest.raises(TrainingDataError, match=r"6 of 6 .* held out"):
        fit_refusals(tiny_base.home, run, tmp_path / "moved.jsonl", 0.1)


def test_general_rows_count_neither_as_answerable_nor_as_trained_on(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    general = [replace(row, kind=ExampleKind.REPLAY) for row in examples()]
    write_rows(tmp_path / "mixed.jsonl", [*other_examples(), *general])
    fit = fit_refusals(tiny_base.home, run, tmp_path / "mixed.jsonl", 0.1)
    assert (fit.answerable, fit.unanswerable) == (3, 3)


def test_what_was_fitted_is_kept_with_the_adapter_and_never_changes(
    tiny_base: TinyBase, run: Run, held_out: Path, tmp_path: Path
) -> None:
    (tmp_path / "models").symlink_to(tiny_base.home / "models")  # and no adapter that others kept
    fit = fit_refusals(tiny_base.home, run, held_out, 0.1)
    assert RefusalFit(**json.loads((run.folder / REFUSALS).read_text()) | {"without": fit.without}) == fit
    record = export_run(tmp_path, run, refusals=fit)
    assert read_adapter(record.path).refusal_bias == fit.bias != 0
    assert REFUSALS in record.files
    with pytest.raises(UsageError, match="adapters never change"):
        export_run(tmp_path, run)
