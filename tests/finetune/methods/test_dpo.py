from __future__ import annotations

import shutil
from math import log
from pathlib import Path

import pytest

pytest.importorskip("trl")

from finetune.methods import sft
from finetune.methods.dpo import train
from tests.finetune.conftest import TinyBase
from tests.finetune.methods.preference_jobs import curve, examples, job, pairs

# peft 0.21 uses a property that transformers 5.23 deprecates; both warn of what TRL does on a CPU.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

ONE_LOSS = ("dpo.loss_weights=[1.0]", "dpo.beta=0.5")


@pytest.mark.parametrize(
    ("loss", "at_reference"),
    [
        ("robust", log(2)),
        ("ipo", 1.0),  # (0 - 1 / 2β)²
        ("apo_zero", 1.0),
        ("apo_down", 1.0),
    ],
)
def test_every_loss_starts_at_its_value_for_two_equal_models(
    tiny_base: TinyBase, tmp_path: Path, loss: str, at_reference: float
) -> None:
    smoothing = ("dpo.label_smoothing=0.1",) if loss == "robust" else ()
    overrides = (
        *ONE_LOSS,
        *smoothing,
        f"dpo.loss_type=['{loss}']",
        "train.max_steps=1",
        "dpo.length_probes=0",
    )
    train(job(tiny_base, tmp_path, "dpo", pairs(2), *overrides), tiny_base.folder)
    assert curve(tmp_path)[0]["loss"] == pytest.approx(at_reference, abs=1e-3)


def test_margins_likelihoods_and_lengths_are_reported(tiny_base: TinyBase, tmp_path: Path) -> None:
    overrides = ("train.max_steps=6", "train.learning_rate=1e-2", "train.per_device_train_batch_size=4")
    outcome = train(job(tiny_base, tmp_path, "dpo", pairs(4), *overrides), tiny_base.folder)
    logged, details = curve(tmp_path), outcome.details
    assert logged[0]["rewards/margins"] == pytest.approx(0, abs=1e-4)
    assert details["rewards/margins"] == logged[-1]["rewards/margins"] > 0
    for side in ("chosen", "rejected"):
        nats = (logged[-1][f"logps/{side}"] - logged[0][f"logps/{side}"]) / logged[-1][f"lengths/{side}"]
        assert details[f"change/{side}"] == pytest.approx(nats, abs=0.05)
    assert details["both_fell"] == 0
    assert details["sampled_tokens/before"] > 0


def test_a_resumed_run_keeps_the_reference_it_began_with(tiny_base: TinyBase, tmp_path: Path) -> None:
    start = tmp_path / "sft"
    sft.train(job(tiny_base, start, "sft", examples(2), "train.max_steps=1"), tiny_base.folder)
    overrides = ("train.num_train_epochs=3", "train.learning_rate=1e-2", "train.save_steps=3")
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    train(job(tiny_base, whole, "dpo", pairs(4), *overrides, adapter=start), tiny_base.folder)
    continued = job(tiny_base, resumed, "dpo", pairs(4), *overrides, adapter=start)
    shutil.copytree(whole / "checkpoint-3", resumed / "checkpoint-3")
    train(continued, tiny_base.folder)
    last, again = curve(whole)[-1], curve(resumed)[-1]
    assert curve(resumed)[:3] == curve(whole)[:3]  # with their times: these steps were not made again
    assert again["step"] == last["step"] == 6
    for key in ("loss", "rewards/margins"):
        assert again[key] == pytest.approx(last[key], abs=1e-3)
