"""What a training run is told: read from YAML or TOML with ``key=value`` overrides, frozen, checked at once.

The keys are those of transformers, PEFT and TRL, so that what is known of them holds here. Unknown keys
are errors. Precedence: overrides, the file, defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError, model_validator

from finetune.settings.dpo import DpoSection
from finetune.settings.kto import KtoSection
from finetune.settings.method_sections import Method, require_read
from finetune.settings.ppo import PpoSection
from finetune.settings.read import override, read_file
from finetune.settings.reward import RewardSection
from finetune.settings.rollout import RolloutSection
from finetune.settings.section import Section, with_set
from finetune.settings.shared import LoraSection, ModelSection, TrainSection
from ingest.errors import SettingsError

CONFIGS = Path(__file__).parents[1] / "configs"

Config = TypeVar("Config", bound=Section)


class TrainConfig(Section):
    """A whole run. ``method`` names the trainer, and becomes the first part of the adapter's name."""

    method: Method
    model: ModelSection = ModelSection()
    lora: LoraSection = LoraSection()
    train: TrainSection = TrainSection()
    rm: RewardSection = RewardSection()
    dpo: DpoSection = DpoSection()
    kto: KtoSection = KtoSection()
    ppo: PpoSection = PpoSection()
    rollout: RolloutSection = RolloutSection()

    @model_validator(mode="after")
    def _whole_models(self) -> TrainConfig:
        if self.train.finetuning != "lora" and self.method != "sft":
            raise ValueError(f"{self.method} trains adapters only: set train.finetuning to lora")
        if self.train.finetuning == "full" and self.model.dtype != "float32":
            raise ValueError("steps this small are lost in bfloat16 weights: set model.dtype to float32")
        return self

    @model_validator(mode="after")
    def _what_the_method_needs(self) -> TrainConfig:
        if self.method == "rm" and self.model.dtype != "float32":
            raise ValueError("the head of a reward model needs float32 below it: set model.dtype to float32")
        if self.method == "kto" and self.train.per_device_train_batch_size < 2:
            raise ValueError(
                "kto compares the rows of a batch: set train.per_device_train_batch_size to 2 or more"
            )
        if self.method in {"ppo", "rloo", "grpo"}:
            self._check_groups()
        return self

    def _check_groups(self) -> None:
        answers = self.train.per_device_train_batch_size * self.train.gradient_accumulation_steps
        if answers % self.rollout.num_generations:
            raise ValueError(
                f"a step samples {answers} answers (train.per_device_train_batch_size times "
                "train.gradient_accumulation_steps), and a group has rollout.num_generations="
                f"{self.rollout.num_generations}: make the first a multiple of the second"
            )
        if self.method == "ppo" and self.ppo.num_mini_batches > answers:
            raise ValueError(f"a step samples {answers} answers: set ppo.num_mini_batches to at most as many")
        if self.method == "ppo" and self.train.launcher != "none":
            raise ValueError("ppo trains in one process: set train.launcher to none, or take rloo")


def load_config(method: Method, path: Path | None, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a configuration; without a path, that of ``finetune/configs`` for the method.

    Args:
        method: the trainer; a file made for another one is refused.
        path: a ``.yaml``, ``.yml`` or ``.toml`` file.
        overrides: ``section.key=value`` texts, their values written as in TOML, bare words are texts.

    The keys of ``lora`` that count as set (``model_fields_set``) are those of the overrides, and of a file
    that is not one of ``finetune/configs``.

    Raises:
        SettingsError: the file cannot be read, or a key or value is not one of those above, or is one that
            ``method`` does not read.
    """
    values = _read_values(method, path, overrides)
    require_read(method, values)
    return _build(TrainConfig, values, path, overrides)


def read_config(form: type[Config], method: str, path: Path | None, overrides: Sequence[str]) -> Config:
    """Read a configuration of ``form``, which has a key ``method``; see ``load_config``."""
    return _build(form, _read_values(method, path, overrides), path, overrides)


def _build(
    form: type[Config], values: Mapping[str, Any], path: Path | None, overrides: Sequence[str]
) -> Config:
    try:
        config = form.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"the training setting {key!r} is {first.get('input')!r}: {first['msg']}; correct it."
        ) from error
    is_shipped = path is None or path.resolve().parent == CONFIGS.resolve()
    return _with_defaults_of_lora(config, overrides) if is_shipped else config


def _read_values(method: str, path: Path | None, overrides: Sequence[str]) -> dict[str, Any]:
    values = read_file(path if path is not None else CONFIGS / f"{method}.yaml")
    for text in overrides:
        override(values, text)
    if values.setdefault("method", method) != method:
        raise SettingsError(
            f"the configuration is for {values['method']!r}, but {method!r} was called: use its own."
        )
    return values


def _with_defaults_of_lora(config: Config, overrides: Sequence[str]) -> Config:
    """``config`` with only those keys of ``lora`` set that the overrides name."""
    lora = dict(config).get("lora")
    if not isinstance(lora, LoraSection):
        return config
    asked: dict[str, Any] = {}
    for text in overrides:
        override(asked, text)
    return config.model_copy(update={"lora": with_set(lora, {*asked.get("lora", {})})})
