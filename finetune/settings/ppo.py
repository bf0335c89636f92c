"""The settings of proximal policy optimisation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from finetune.settings.section import Positive, PositiveReal, Section, Share


class PpoSection(Section):
    """Proximal policy optimisation (Schulman et al., 2017; Ouyang et al., 2022).

    A step samples per_device_train_batch_size · gradient_accumulation_steps answers, and passes over them
    ``num_ppo_epochs`` times in ``num_mini_batches`` updates each. ``beta`` weighs the divergence from the
    reference at each token; where ``target_kl`` is set, it is moved towards that many nats an answer
    (Ziegler et al., 2019). ``clip_range_value`` is in units of the reward. ``missing_eos_penalty`` is taken
    off the reward model's score of an answer that does not end within its limit.
    """

    beta: PositiveReal = 0.05
    target_kl: PositiveReal | None = 6.0
    clip_range: PositiveReal = 0.2
    clip_range_value: PositiveReal = 0.2
    discount: Share = 1.0
    gae_lambda: Share = 0.95
    num_ppo_epochs: Positive = 4
    num_mini_batches: Positive = 1
    value_learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    missing_eos_penalty: Annotated[float, Field(ge=0)] = 1.0
