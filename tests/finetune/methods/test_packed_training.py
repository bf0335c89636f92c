"""Whole trainings: packed and padded ones take the same steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("trl")

from finetune.data.encode import IGNORED, EncodedExample, EncodedPair
from finetune.methods import reward
from finetune.methods.dpo import train_dpo
from finetune.methods.sft import train_sft
from finetune.settings.train_config import load_config
from finetune.training.checkpoint import load_model, load_tokenizer
from tests.finetune.conftest import TinyBase
from tests.finetune.methods.preference_jobs import job, rankings

# peft 0.21 uses a property that transformers 5.23 deprecates; both warn of what TRL does on a CPU.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

STEPS = [
    "train.per_device_train_batch_size=2",
    "train.gradient_accumulation_steps=1",
    "train.num_train_epochs=1",
    "train.warmup_ratio=0",
    "train.report_to=[]",
]
PROMPTS = [list(range(10, 10 + length)) for length in (30, 12, 21, 5)]


def curve(output: Path) -> list[dict[str, float]]:
    return json.loads((output / "metrics.json").read_text())["curve"]


def sft_curve(base: TinyBase, output: Path, packing: bool) -> list[dict[str, float]]:
    output.mkdir()
    rows = [EncodedExample([*prompt, 7, 8, 2], [*([IGNORED] * len(prompt)), 7, 8, 2]) for prompt in PROMPTS]
    config = load_config(
        "sft", None, [*STEPS, "train.learning_rate=1e-2", f"train.packing={str(packing).lower()}"]
    )
    model, tokenizer = load_model(base.folder), load_tokenizer(base.folder)
    train_sft(config, model, tokenizer, rows, output, base.fingerprint, None)
    return curve(output)


def dpo_curve(base: TinyBase, output: Path, packing: bool) -> list[dict[str, float]]:
    output.mkdir()
    rows = [EncodedPair(prompt, [40, 41, 2], [50, 2]) for prompt in PROMPTS]
    overrides = ["train.learning_rate=1e-2", "dpo.length_probes=0", f"train.packing={str(packing).lower()}"]
    config = load_config("dpo", None, [*STEPS, *overrides])
    model, tokenizer = load_model(base.folder), load_tokenizer(base.folder)
    train_dpo(config, model, tokenizer, rows, output, base.fingerprint, None)
    return curve(output)


def reward_curve(base: TinyBase, output: Path, packing: bool) -> list[dict[str, float]]:
    overrides = (
        *STEPS,
        "train.learning_rate=1e-2",
        "rm.eval_share=0",
        f"train.packing={str(packing).lower()}",
    )
    reward.train(job(base, output, "rm", rankings(4), *overrides), base.folder)
    return curve(output)


@pytest.mark.parametrize("train", [sft_curve, dpo_curve, reward_curve])
def test_packed_and_padded_trainings_take_the_same_steps(
    tiny_base: TinyBase, tmp_path: Path, train: Callable[[TinyBase, Path, bool], list[dict[str, float]]]
) -> None:
    padded = train(tiny_base, tmp_path / "padded", False)
    packed = train(tiny_base, tmp_path / "packed", True)
    assert len(packed) == len(padded) == 2
    unlike = {"seconds", "computed_tokens"}
    for one, other in zip(padded, packed, strict=True):
        assert one.keys() - unlike == other.keys() - unlike
        expected = {name: value for name, value in one.items() if name not in unlike}
        found = {name: value for name, value in other.items() if name not in unlike}
        assert found == pytest.approx(expected, abs=1e-4, rel=1e-4)
