"""How many steps a run takes: what its plan tells and what it does."""

from __future__ import annotations

import math

from finetune.settings.train_config import TrainConfig
from finetune.training.checks import rows_per_step


def steps_of(config: TrainConfig, rows: int, processes: int = 1) -> int:
    """The updates of the weights on ``rows`` rows."""
    train = config.train
    if train.max_steps is not None:
        return train.max_steps
    steps = train.num_train_epochs * steps_of_an_epoch(config, rows, processes)
    return math.ceil(round(steps, 6))  # 10 epochs of 1.1 steps are 11, and a little more in floats


def steps_of_an_epoch(config: TrainConfig, rows: int, processes: int = 1) -> float:
    """The steps in which each of ``rows`` rows is taken once.

    At the end of an epoch the rows that do not fill a step are a smaller one for transformers' Trainer, are
    left out by TRL's trainers that sample groups, and are filled up from the next epoch by ``ppo``.
    """
    per_step = rows_per_step(config, processes)
    match config.method:
        case "ppo":
            return rows / per_step
        case "rloo" | "grpo":
            return rows // per_step
        case _:
            return math.ceil(rows / per_step)
