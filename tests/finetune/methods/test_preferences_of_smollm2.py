"""DPO and KTO on the real model: a few steps raise what was preferred above what was not."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

pytest.importorskip("trl")

from finetune.methods import dpo, kto
from tests.finetune.conftest import TinyBase
from tests.finetune.methods.preference_jobs import curve, job, judged, pairs

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")]

FEW_STEPS = ("train.max_steps=6", "train.learning_rate=5e-4", "train.per_device_train_batch_size=4")


def test_dpo_raises_the_cited_answer_above_the_wrongly_cited(smollm2: TinyBase, tmp_path: Path) -> None:
    overrides = (*FEW_STEPS, "dpo.length_probes=2")
    outcome = dpo.train(job(smollm2, tmp_path, "dpo", pairs(8), *overrides), smollm2.folder)
    logged = curve(tmp_path)
    assert logged[0]["rewards/margins"] == pytest.approx(0, abs=1e-3)
    assert outcome.details["rewards/margins"] > 0.05
    assert logged[-1]["loss"] < logged[0]["loss"]
    assert math.isfinite(outcome.details["sampled_tokens/after"])


def test_kto_raises_what_was_liked_above_what_was_not(smollm2: TinyBase, tmp_path: Path) -> None:
    overrides = (*FEW_STEPS, "kto.length_probes=2")
    outcome = kto.train(job(smollm2, tmp_path, "kto", judged(16, 8), *overrides), smollm2.folder)
    logged = curve(tmp_path)
    assert logged[0]["loss"] == pytest.approx(0.5, abs=1e-2)
    assert logged[-1]["loss"] < logged[0]["loss"]
    assert outcome.details["rewards/margins"] > 0.05
