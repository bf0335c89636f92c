"""The settings of the methods that learn from answers which the model itself writes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from finetune.settings.section import Positive, PositiveReal, Section

Weight = Annotated[float, Field(ge=0)]


class RewardWeights(Section):
    """What the parts of a verifiable reward count; see ``finetune.rewards.verifiable``."""

    f1: Weight = 1.0
    exact: Weight = 0.5
    citation: Weight = 0.5
    form: Weight = 0.25

    @model_validator(mode="after")
    def _something_counts(self) -> RewardWeights:
        if not self.f1 + self.exact > 0:
            raise ValueError("the weights of f1 and exact are both 0: a right answer must earn something")
        return self


class RolloutSection(Section):
    """Answers sampled for each prompt, by ``ppo``, ``rloo`` (Ahmadian et al., 2024), ``grpo`` (Shao et al.,
    2024).

    ``beta`` weighs the divergence from the reference in ``rloo`` and ``grpo``; ``ppo`` has its own, which
    adapts. ``use_vllm`` lets those two sample with vLLM, on a GPU: in the training process (``colocate``),
    or by a server at ``vllm_server_base_url`` that takes the new weights after each step.
    """

    num_generations: Annotated[int, Field(ge=2)] = 8
    max_completion_length: Positive = 64
    temperature: PositiveReal = 1.0
    beta: Annotated[float, Field(ge=0)] = 0.05
    reward: RewardWeights = RewardWeights()
    use_vllm: bool = False
    vllm_mode: Literal["colocate", "server"] = "colocate"
    vllm_server_base_url: str | None = None
