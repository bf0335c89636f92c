"""A plan tells the steps and the rows of the run: each is counted, and then done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("trl")

from finetune.data.row_files import write_rows
from finetune.data.rows import ExampleKind, TrainingExample
from finetune.methods import grpo, ppo, rloo, sft
from finetune.settings.train_config import Method, TrainConfig, load_config
from finetune.training.job import Job, Outcome
from finetune.training.plan import Plan, plan_run
from finetune.training.steps import steps_of
from ingest.errors import TrainingDataError
from tests.finetune.conftest import TinyBase
from tests.finetune.methods.preference_jobs import QUICK, job
from tests.finetune.methods.sampled_jobs import ROLLOUT, refusals

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

SHORT = (*ROLLOUT, "rollout.max_completion_length=2")
TRAIN: dict[Method, Callable[[Job, Path], Outcome]] = {
    "sft": sft.train,
    "ppo": ppo.train,
    "rloo": rloo.train,
    "grpo": grpo.train,
}


def settings(method: Method) -> tuple[str, ...]:
    sampled = ("train.per_device_train_batch_size=4",) if method == "sft" else SHORT
    few = ("ppo.num_ppo_epochs=1", "ppo.num_mini_batches=1") if method == "ppo" else ()
    return (*sampled, *few, "train.num_train_epochs=3")


def config_of(method: Method, *overrides: str) -> TrainConfig:
    return load_config(method, None, [*QUICK, *settings(method), *overrides])


def planned(
    tiny_base: TinyBase, tmp_path: Path, method: Method, rows: Sequence[TrainingExample], *overrides: str
) -> Plan:
    data = tmp_path / "plan.jsonl"
    write_rows(data, rows)
    config = config_of(method, f"model.name_or_path={tiny_base.gguf}", *overrides)
    return plan_run(tiny_base.home, config, data)


@pytest.mark.parametrize(("method", "steps"), [("sft", 9), ("ppo", 8), ("rloo", 6), ("grpo", 6)])
def test_a_plan_tells_the_steps_and_the_rows_of_the_run(
    tiny_base: TinyBase, tmp_path: Path, method: Method, steps: int
) -> None:
    unknown = [replace(row, id=f"{row.id}?", kind=ExampleKind.GOLD) for row in refusals(2)]
    rows = refusals(10) if method == "sft" else [*refusals(10), *unknown]
    plan = planned(tiny_base, tmp_path, method, rows)
    work = job(tiny_base, tmp_path / "run", method, rows, *settings(method))
    outcome = TRAIN[method](work, tiny_base.folder)
    assert (plan.schedule.rows_per_step, plan.schedule.steps, outcome.metrics.steps) == (4, steps, steps)
    assert (plan.rows, plan.left_out) == (outcome.metrics.rows, outcome.left_out) == (10, len(rows) - 10)


def test_the_steps_that_are_asked_for_are_taken_whatever_the_rows() -> None:
    assert {steps_of(config_of(method, "train.max_steps=5"), 10) for method in TRAIN} == {5}


def test_too_few_rows_that_rules_can_judge_are_an_error_of_the_plan(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    unknown = [replace(row, id=f"{row.id}?", kind=ExampleKind.GOLD) for row in refusals(4)]
    with pytest.raises(TrainingDataError, match="3 usable prompts among 7 rows"):
        planned(tiny_base, tmp_path, "rloo", [*refusals(3), *unknown])
