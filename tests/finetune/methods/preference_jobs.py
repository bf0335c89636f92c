"""Jobs of the preference methods on the tiny model, and what they leave behind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from finetune.data.row_files import write_rows
from finetune.data.rows import (
    ExampleKind,
    JudgedAnswer,
    PreferencePair,
    RankedAnswers,
    Row,
    TrainingExample,
)
from finetune.settings.train_config import Method, load_config
from finetune.training.base_model import BaseModel
from finetune.training.job import METRICS, Job
from service.generate import Message
from service.prompt import PROMPT_ID
from tests.finetune.conftest import TinyBase

QUICK = (
    "train.per_device_train_batch_size=2",
    "train.gradient_accumulation_steps=1",
    "train.warmup_ratio=0",
    "train.bf16=false",
    "train.report_to=[]",
)


def messages(n: int) -> tuple[Message, ...]:
    """A prompt of its own for each ``n``."""
    return (
        Message("system", "Answer the question."),
        Message("user", f"[1] Rank\nThe rank is {n}.\n\nQuestion: rank?"),
    )


def examples(count: int) -> list[TrainingExample]:
    """The rightly cited answers."""
    return [
        TrainingExample(
            str(n), messages(n), (), f"The rank is {n}. [1]", ExampleKind.GOLD, "en", PROMPT_ID, None, "d"
        )
        for n in range(count)
    ]


def rankings(count: int) -> list[RankedAnswers]:
    """Four answers to each prompt: cited, wrongly cited, uncited, refused."""
    return [
        RankedAnswers(
            str(n),
            messages(n),
            (f"The rank is {n}. [1]", f"The rank is {n}. [2]", f"The rank is {n}.", "I don't know."),
            (0, 1, 2, 3),
            "en",
            PROMPT_ID,
            "d",
        )
        for n in range(count)
    ]


def pairs(count: int) -> list[PreferencePair]:
    """The right citation before the wrong one."""
    return [
        PreferencePair(
            str(n),
            messages(n),
            f"The rank is {n}. [1]",
            f"The rank is {n}. [2]",
            "wrong_citation",
            "en",
            PROMPT_ID,
            "d",
        )
        for n in range(count)
    ]


def judged(count: int, good: int) -> list[JudgedAnswer]:
    """Answers to ``count`` prompts, of which the first ``good`` are cited rightly, and liked."""
    return [
        JudgedAnswer(
            str(n),
            messages(n),
            f"The rank is {n}. [{1 if n < good else 2}]",
            n < good,
            "en",
            PROMPT_ID,
            "d",
        )
        for n in range(count)
    ]


def job(
    base: TinyBase,
    output: Path,
    method: Method,
    rows: Sequence[Row],
    *overrides: str,
    adapter: Path | None = None,
) -> Job:
    """A job on ``rows``, which trains into ``output``."""
    output.mkdir(parents=True, exist_ok=True)
    data = output / "rows.jsonl"
    write_rows(data, rows)
    config = load_config(method, None, [*QUICK, *overrides])
    return Job(config, base.home, BaseModel(base.fingerprint, base.gguf), data, output, adapter=adapter)


def curve(output: Path) -> list[dict[str, float]]:
    """What a run logged."""
    return json.loads((output / METRICS).read_text())["curve"]
