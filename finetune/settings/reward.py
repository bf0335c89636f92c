"""The settings of the reward model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from finetune.settings.section import Section, Share


class RewardSection(Section):
    """A reward model on ranked answers (Ouyang et al., 2022).

    ``center_coefficient`` weighs the mean of (r_better + r_worse)² over pairs, which holds rewards around 0
    (Eisenstein et al., 2023). ``eval_share`` of the prompts is held out to measure the accuracy on pairs.
    """

    center_coefficient: Share = 0.01
    eval_share: Annotated[float, Field(ge=0, le=0.5)] = 0.1
