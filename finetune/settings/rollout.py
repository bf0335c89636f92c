"""The settings of the methods that learn from groups of sampled answers with verifiable rewards."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from finetune.settings.section import Positive, PositiveReal, Section


class RolloutSection(Section):
    """Answers sampled for each prompt: ``rloo`` (Ahmadian et al., 2024), ``grpo`` (Shao et al., 2024)."""

    num_generations: Annotated[int, Field(ge=2)] = 8
    max_completion_length: Positive = 64
    temperature: PositiveReal = 1.0
    beta: Annotated[float, Field(ge=0)] = 0.05
