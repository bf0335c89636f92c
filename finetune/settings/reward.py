"""The settings of the reward model."""

from __future__ import annotations

from finetune.settings.section import Section, Share


class RewardSection(Section):
    """A reward model on ranked answers (Ouyang et al., 2022).

    ``center_coefficient`` weighs the mean of squared rewards, which holds them around 0 (Eisenstein et al.,
    2023). ``eval_share`` of the prompts is held out to measure the accuracy on pairs.
    """

    center_coefficient: Share = 0.01
    eval_share: Share = 0.1
