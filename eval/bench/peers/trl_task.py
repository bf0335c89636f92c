"""What Troika and plain TRL are both told to train, and what the process that trains with TRL answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Method = Literal["sft", "dpo"]


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """Train an adapter once over the rows in the file ``rows``."""

    method: Method
    rows: str
    learning_rate: float
    rank: int
    lora_alpha: float
    seed: int


@dataclass(frozen=True, slots=True)
class TrlRun:
    """Seconds of the training alone, the mean loss of its steps, and whether it was in bfloat16."""

    steps: int
    seconds: float
    loss: float
    bf16: bool
    peak_memory_mb: float
