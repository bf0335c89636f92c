"""How many steps a run takes: what its plan tells and what it does."""

from __future__ import annotations

import math

from finetune.settings.train_config import TrainConfig
from finetune.training.checks import rows_per_step


def steps_of(config: TrainConfig, rows: int, processes: int = 1) -> int:
    """The updates of the weights on ``rows`` rows.

    At the end of an epoch the rows that do not fill a step are a smaller one for transformers' Trainer, are
    left out by TRL's trainers that sample groups, and are filled up from the next epoch by ``ppo``.
    """
    train = config.train
    per_step = rows_per_step(config, processes)
    if train.max_steps is not None:
        return train.max_steps
    match config.method:
        case "ppo":
            return math.ceil(train.num_train_epochs * rows / per_step)
        case "rloo" | "grpo":
            return math.ceil(train.num_train_epochs * (rows // per_step))
        case _:
            return math.ceil(train.num_train_epochs * math.ceil(rows / per_step))
