"""Small supervised runs of the tiny model, in this process."""

from __future__ import annotations

import json
import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from finetune.data.encode import EncodedExample, encode_examples
from finetune.data.rows import ExampleKind, TrainingExample
from finetune.settings.train_config import load_config
from finetune.training.checkpoint import load_model, load_tokenizer
from finetune.training.job import RunMetrics
from service.generate import Message
from service.prompt import PROMPT_ID
from tests.finetune.conftest import TinyBase

QUICK = (
    "train.per_device_train_batch_size=2",
    "train.gradient_accumulation_steps=1",
    "train.warmup_ratio=0",
    "train.report_to=[]",
)


def messages(n: int) -> tuple[Message, ...]:
    return (
        Message("system", "Answer the question."),
        Message("user", f"[1] Rank\nThe rank is {n}.\n\nQuestion: rank?"),
    )


def example(n: int) -> TrainingExample:
    target = f"The rank is {n}. [1]"
    return TrainingExample(
        str(n), messages(n), (f"The rank is {n}.",), target, ExampleKind.GOLD, "en", PROMPT_ID, None, "d"
    )


def encoded(tiny_base: TinyBase, count: int = 4) -> list[EncodedExample]:
    return encode_examples(load_tokenizer(tiny_base.folder), [example(n) for n in range(count)], 512)


def run_sft(tiny_base: TinyBase, output: Path, *overrides: str, rows: int = 4) -> RunMetrics:
    from finetune.methods.sft import train_sft

    output.mkdir(parents=True, exist_ok=True)
    config = load_config("sft", None, [*QUICK, *overrides])
    model, tokenizer = load_model(tiny_base.folder), load_tokenizer(tiny_base.folder)
    return train_sft(config, model, tokenizer, encoded(tiny_base, rows), output, tiny_base.fingerprint, None)


def curve_of(output: Path) -> list[dict[str, float]]:
    return json.loads((output / "metrics.json").read_text())["curve"]


@contextmanager
def limited_files(size: int) -> Generator[None]:
    """Within the block, writing more than ``size`` bytes to a file fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
