"""The prompts that answers are sampled to."""

from __future__ import annotations

import os
from pathlib import Path

from finetune.data.encode import EncodedPrompt, Tokenizer, encode_prompts
from finetune.data.row_files import read_examples
from finetune.rewards.verifiable import is_verifiable
from finetune.settings.train_config import TrainConfig
from finetune.training.checks import rows_per_step
from ingest.errors import TrainingDataError


def read_prompts(
    config: TrainConfig, tokenizer: Tokenizer, data: Path, *, by_rules: bool = True
) -> tuple[list[EncodedPrompt], int]:
    """The prompts of the examples in ``data``, and how many were left out.

    ``by_rules`` keeps those alone whose answers rules can judge.

    Raises:
        TrainingDataError: too few are left for a step, or too many are too long.
    """
    examples = read_examples(data)
    usable = [example for example in examples if is_verifiable(example) or not by_rules]
    prompts = encode_prompts(tokenizer, usable, config.train.max_length, config.rollout.max_completion_length)
    needed = rows_per_step(config, int(os.environ.get("WORLD_SIZE", "1")))
    if len(prompts) < needed:
        raise TrainingDataError(
            f"{data} has {len(prompts)} usable prompts among {len(examples)} rows, and a step takes "
            f"{needed}: give more rows with accepted answers, or lower train.gradient_accumulation_steps."
        )
    return prompts, len(examples) - len(prompts)
