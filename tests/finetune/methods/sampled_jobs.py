"""Examples for the methods that sample, and an adapter that is of two minds about them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from finetune.data.rows import ExampleKind, TrainingExample
from finetune.methods import sft
from service.generate import Message
from service.prompt import PROMPT_ID, template_for
from tests.finetune.conftest import TinyBase
from tests.finetune.methods.preference_jobs import job

ROLLOUT = (
    "rollout.num_generations=4",
    "rollout.max_completion_length=20",
    "train.per_device_train_batch_size=16",
    "train.lr_scheduler_type=constant",
)

# Where nothing depends on what the answers say.
SHORT = ("rollout.max_completion_length=6", "train.max_steps=4", "train.save_steps=2")


def refusals(count: int) -> list[TrainingExample]:
    """Questions whose sources do not tell."""
    return [
        TrainingExample(
            id=str(n),
            messages=(Message("user", f"[1] The rank is {n}.\n\nQuestion: port?"),),
            sources=(f"The rank is {n}.",),
            target=template_for("en").refusal,
            kind=ExampleKind.REFUSAL,
            language="en",
            prompt_id=PROMPT_ID,
            snapshot_id=None,
            dataset_sha256="d",
        )
        for n in range(count)
    ]


def train_undecided(base: TinyBase, output: Path) -> Path:
    """Train an adapter that refuses the questions of ``refusals`` half of the time, or says "n. [1]"."""
    answered = [replace(row, id=f"{row.id}:answered", target="n. [1]") for row in refusals(4)]
    rate = ("train.learning_rate=2e-2", "train.per_device_train_batch_size=8", "train.num_train_epochs=30")
    sft.train(job(base, output, "sft", [*refusals(4), *answered], *rate), base.folder)
    return output
