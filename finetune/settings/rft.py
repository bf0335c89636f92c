"""The settings of fine-tuning on a model's own answers that were found right."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finetune.settings.section import Positive, PositiveReal, Section, Share
from finetune.settings.shared import LoraSection, ModelSection, TrainSection
from finetune.settings.train_config import TrainConfig


class RftSection(Section):
    """Rejection sampling (Yuan et al., 2023): answers are sampled, checked by rules, and learned.

    In each of ``rounds`` the generator of the round before writes ``samples`` answers to every question, and
    up to ``per_question`` different right ones are learned, an answer counting as right from a token F1 of
    ``least_f1`` to an accepted one. Where none is right, ``unsolved`` learns the written target or leaves the
    question out. A round trains a new adapter on the base model, which wants all the questions that the one
    before was taught with; ``from_sampled`` trains that one further, for which a few are enough.
    """

    rounds: Annotated[int, Field(ge=1, le=3)] = 1
    samples: Positive = 8
    temperature: PositiveReal = 0.9
    max_new_tokens: Positive = 64
    per_question: Positive = 2
    least_f1: Share = 0.6
    unsolved: Literal["target", "drop"] = "target"
    from_sampled: bool = False


class RftConfig(Section):
    """Sampling, and the supervised training that each round ends with."""

    method: Literal["rft"]
    model: ModelSection = ModelSection()
    lora: LoraSection = LoraSection()
    train: TrainSection = TrainSection()
    rft: RftSection = RftSection()

    def training(self) -> TrainConfig:
        """The training of one round."""
        return TrainConfig(method="sft", model=self.model, lora=self.lora, train=self.train)
