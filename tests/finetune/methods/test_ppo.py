from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import pytest

pytest.importorskip("trl")

import torch
from peft import PeftModel
from safetensors.torch import load_file

from finetune.data.row_files import write_rows
from finetune.data.rows import ExampleKind
from finetune.methods.ppo import train
from finetune.policy.sampled_answer import LearnedReward, SampledAnswer, VerifiableReward
from finetune.settings.rollout import RewardWeights
from finetune.settings.train_config import load_config
from finetune.training.base_model import BaseModel
from finetune.training.checkpoint import load_model
from finetune.training.job import Job, RunMetrics, write_job
from finetune.training.run import Run, run_json, start_run
from ingest.errors import AdapterRejectedError, SettingsError, TrainingDataError
from service.prompt import PROMPT_ID
from service.releases.release import WEIGHTS
from tests.finetune.conftest import TinyBase
from tests.finetune.methods.preference_jobs import curve, job
from tests.finetune.methods.sampled_jobs import ROLLOUT, SHORT, refusals

# peft 0.21 uses a property that transformers 5.23 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


def ppo_job(base: TinyBase, output: Path, adapter: Path | None, *overrides: str) -> Job:
    return job(base, output, "ppo", refusals(4), *ROLLOUT, *overrides, adapter=adapter)


def same_weights(first: Path, second: Path) -> bool:
    a, b = (load_file(folder / WEIGHTS) for folder in (first, second))
    return all(torch.allclose(a[name], b[name], atol=1e-5) for name in a)


def test_it_earns_more_and_more_and_leaves_an_adapter(
    tiny_base: TinyBase, undecided: Path, tmp_path: Path
) -> None:
    settings = (
        "train.learning_rate=5e-4",
        "train.max_steps=8",
        "ppo.num_mini_batches=1",
        "ppo.target_kl=9.0",
    )
    outcome = train(ppo_job(tiny_base, tmp_path, undecided, *settings), tiny_base.folder)
    steps = curve(tmp_path)
    assert steps[0]["kl"] == pytest.approx(0, abs=1e-6)  # policy and reference are one adapter at first,
    assert steps[1]["beta"] == pytest.approx(0.98 * steps[0]["beta"])  # too near each other
    rewards = [step["reward"] for step in steps]
    assert 0.2 < rewards[0] < 0.7
    assert fmean(rewards[-3:]) > rewards[0] + 0.1
    assert outcome.details["reward/first"] == pytest.approx(rewards[0], abs=1e-6)
    assert outcome.details["refused/last"] > outcome.details["refused/first"]
    assert outcome.metrics.steps == 8
    assert all(step["tokens"] > before["tokens"] for before, step in pairwise(steps))
    loaded = cast("Any", PeftModel).from_pretrained(load_model(tiny_base.folder), tmp_path)
    assert set(loaded.peft_config) == {"default"}


def test_a_run_goes_on_from_its_checkpoint_to_the_same_end(tiny_base: TinyBase, tmp_path: Path) -> None:
    whole, resumed = (
        ppo_job(tiny_base, tmp_path / name, None, *SHORT, "ppo.num_ppo_epochs=1", "train.learning_rate=1e-3")
        for name in ("whole", "resumed")
    )
    train(whole, tiny_base.folder)
    shutil.copytree(whole.output / "checkpoint-2", resumed.output / "checkpoint-2")
    train(resumed, tiny_base.folder)
    timeless = [[{**step, "seconds": 0} for step in curve(one.output)] for one in (whole, resumed)]
    assert timeless[0] == [pytest.approx(step) for step in timeless[1]]
    assert same_weights(whole.output, resumed.output)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_end(tiny_base: TinyBase, undecided: Path, tmp_path: Path) -> None:
    settings = ("train.max_steps=6", "train.save_steps=1", "train.learning_rate=1e-3")
    whole, killed = (
        ppo_job(tiny_base, tmp_path / name, undecided, *settings) for name in ("whole", "killed")
    )
    train(whole, tiny_base.folder)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "finetune.training.worker", str(write_job(killed))]
    with subprocess.Popen(command, env=environment) as worker:
        while not (killed.output / "checkpoint-2" / "run_log.json").is_file():
            assert worker.poll() is None
            time.sleep(0.01)
        worker.kill()
    assert not (killed.output / WEIGHTS).exists()
    train(killed, tiny_base.folder)
    ends = [curve(one.output)[-1]["loss"] for one in (whole, killed)]
    assert ends[1] == pytest.approx(ends[0], abs=1e-3)
    assert same_weights(whole.output, killed.output)


class Judge:
    """A reward model that likes long answers."""

    def score(self, rows: Sequence[tuple[list[int], list[int]]]) -> torch.Tensor:
        return torch.tensor([float(len(answer)) for _, answer in rows])


def test_a_learned_reward_is_less_for_an_answer_that_does_not_end() -> None:
    example = refusals(1)[0]
    answers = [SampledAnswer(example, [1], [2, 3], "a", ended) for ended in (True, False)]
    assert LearnedReward(Judge(), 1.5).score(answers) == [2.0, 0.5]
    said = replace(answers[0], text=example.target)
    assert VerifiableReward(RewardWeights()).score([said, answers[0]]) == [1.0, 0.0]


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(SettingsError, match="multiple"):
        load_config("ppo", None, ["rollout.num_generations=3"])
    with pytest.raises(SettingsError, match="num_mini_batches"):
        load_config("ppo", None, ["ppo.num_mini_batches=64"])
    with pytest.raises(SettingsError, match="one process"):
        load_config("ppo", None, ["train.launcher=accelerate"])
    with pytest.raises(SettingsError, match="earn something"):
        load_config("rloo", None, ["rollout.reward.f1=0", "rollout.reward.exact=0"])


def test_rows_that_rules_cannot_judge_are_left_out_and_too_few_are_an_error(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    unknown = [replace(row, kind=ExampleKind.GOLD) for row in refusals(4)]
    with pytest.raises(TrainingDataError, match="0 usable prompts among 4 rows"):
        train(job(tiny_base, tmp_path, "ppo", unknown, *ROLLOUT), tiny_base.folder)


def test_a_run_that_is_no_reward_model_of_the_same_base_is_refused(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    data = tmp_path / "rows.jsonl"
    write_rows(data, refusals(16))
    config = load_config("ppo", None, [f"model.name_or_path={tiny_base.gguf}", "train.report_to=[]"])
    with pytest.raises(AdapterRejectedError, match="no finished run"):
        start_run(tmp_path / "home", config, data, None, tmp_path)
    base = BaseModel(tiny_base.fingerprint, tiny_base.gguf)
    metrics = RunMetrics(1, 1, 1, 1.0, 1.0, 1.0, 1.0, 1.0, False)
    run = Run(tmp_path, "sft", base, PROMPT_ID, "d", 0, metrics, {}, config, data, None, {})
    for other in (run, replace(run, method="rm", base=replace(base, fingerprint="other@1"))):
        (tmp_path / "run.json").write_text(run_json(other))
        with pytest.raises(AdapterRejectedError, match=f"{other.method} on {other.base.fingerprint}: name"):
            start_run(tmp_path / "home", config, data, None, tmp_path)
    assert not (tmp_path / "home").exists()
