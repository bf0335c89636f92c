from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("peft")
pytest.importorskip("xllamacpp")

from finetune.adapters.probes import Probe, read_probes
from finetune.cli import finetune_app
from finetune.parity import vllm_scores
from finetune.parity.measure import ParityRequest, measure_parity
from finetune.parity.report import EXACT_LIMIT, Difference, FormParity, ParityReport, read_parity
from finetune.parity.scores import Scores, difference
from finetune.parity.transformers_scores import transformers_scores
from finetune.training.checkpoint import load_tokenizer
from finetune.training.run import Run
from ingest.errors import TrainingDataError
from tests.finetune.conftest import TinyBase
from tests.finetune.finished_run import tiny_run

# peft 0.21 uses a property that transformers 5.23 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(scope="module")
def run(tiny_base: TinyBase, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return tiny_run(tiny_base.home, tiny_base.gguf, tmp_path_factory.mktemp("runs") / "sft-1")


@pytest.fixture(scope="module")
def report(tiny_base: TinyBase, run: Run) -> ParityReport:
    return measure_parity(tiny_base.home, run, ParityRequest(3, None, None, 1), lambda _form: None)


def scores(*logprobs: float, best: tuple[int, ...]) -> Scores:
    return Scores(np.array(logprobs), np.array(best, np.int64))


def test_every_form_that_computes_in_float32_is_the_same_model(report: ParityReport) -> None:
    exact = [form for form in report.forms if form.exact]
    assert [form.form for form in exact] == [
        "merged, float32, in transformers", "GGUF adapter, float32 base, in llama.cpp"
    ]  # fmt: skip
    for form in exact:
        assert form.difference.mean < 1e-4, form.form
        assert form.difference.agreement == 1.0
        assert form.passed
    assert report.prompts == 3


def test_forms_that_round_are_told_from_those_that_do_not(report: ParityReport) -> None:
    rounded = [form for form in report.forms if not form.exact]
    assert len(rounded) == 2
    assert all(form.difference.mean > 1e-3 for form in rounded)


def test_the_report_is_kept_beside_the_adapter(run: Run, report: ParityReport) -> None:
    assert read_parity(run.folder) == report


def test_the_base_without_its_adapter_is_found_to_be_another_model(tiny_base: TinyBase, run: Run) -> None:
    probes = read_probes(run, load_tokenizer(tiny_base.folder), 3)
    with_adapter, without = (
        transformers_scores(tiny_base.folder, adapter, probes) for adapter in (run.folder, None)
    )
    found = difference(with_adapter, without)
    assert not FormParity("base", True, 1e-3, found).passed


def test_differences_are_over_the_tokens_that_both_forms_tell() -> None:
    expected = [scores(-1.0, -2.0, best=(7, 8)), scores(-3.0, best=(9,))]
    found = [scores(-1.5, float("nan"), best=(7, -1)), scores(-3.1, best=(1,))]
    result = difference(expected, found)
    assert (result.tokens, result.agreement) == (2, 0.5)
    assert (result.largest, result.mean) == pytest.approx((0.5, 0.3))


def test_probes_are_spread_over_the_data_and_must_be_what_was_trained_on(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    tokenizer = load_tokenizer(tiny_base.folder)
    assert len(read_probes(run, tokenizer, 50)) == 6
    few = read_probes(run, tokenizer, 2)
    assert few == tuple(read_probes(run, tokenizer, 50)[number] for number in (0, 3))
    lines = run.data.read_text().splitlines(keepends=True)
    (tmp_path / "fewer.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(TrainingDataError, match="not the data"):
        read_probes(run, tokenizer, 2, tmp_path / "fewer.jsonl")
    short = run.config.train.model_copy(update={"max_length": 16})
    shorter = replace(run, config=run.config.model_copy(update={"train": short}))
    with pytest.raises(TrainingDataError, match="longer"):
        read_probes(shorter, tokenizer, 2)


@pytest.mark.parametrize(("mean", "code", "said"), [(2e-4, 0, "passed"), (2e-3, 1, "FAILED")])
def test_the_command_prints_a_table_and_fails_where_a_form_differs(
    tiny_base: TinyBase, run: Run, monkeypatch: pytest.MonkeyPatch, mean: float, code: int, said: str
) -> None:
    form = FormParity("merged", True, EXACT_LIMIT, Difference(90, 0.1, mean, 1.0))
    made = ParityReport("sha256", 6, (form,), "now")
    monkeypatch.setattr("finetune.parity.measure.measure_parity", lambda *_request: made)
    monkeypatch.setenv("TROIKA_HOME", str(tiny_base.home))
    shown = CliRunner().invoke(finetune_app, ["parity", str(run.folder)])
    assert shown.exit_code == code
    assert said in shown.stdout


def test_vllm_is_asked_for_the_log_probabilities_of_the_answer_it_is_given() -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        places: list[dict[str, Any] | None] = [None, {"2": {"logprob": -9.0, "rank": 1}}]
        places.append({"3": {"logprob": -0.5, "rank": 1}})
        places.append({"4": {"logprob": -2.5, "rank": 7}, "6": {"logprob": -0.1, "rank": 1}})
        return httpx.Response(200, json={"choices": [{"prompt_logprobs": places}]})

    async def score() -> Scores:
        async with httpx.AsyncClient(
            transport=httpx.MockTransport(answer), base_url="http://127.0.0.1/v1"
        ) as client:
            return await vllm_scores.score_probe(client, "adapter", Probe((1, 2), (3, 4)))

    found = asyncio.run(score())
    assert found.logprobs.tolist() == [-0.5, -2.5]
    assert found.best.tolist() == [3, 6]
    assert asked[0]["model"] == "adapter"
    assert asked[0]["prompt"] == [1, 2, 3, 4]
