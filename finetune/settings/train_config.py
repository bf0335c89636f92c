"""What a training run is told: read from YAML or TOML with ``key=value`` overrides, frozen, checked at once.

The keys are those of transformers, PEFT and TRL, so that what is known of them holds here. Unknown keys
are errors. Precedence: overrides, the file, defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ValidationError

from finetune.settings.dpo import DpoSection
from finetune.settings.kto import KtoSection
from finetune.settings.ppo import PpoSection
from finetune.settings.read import override, read_file
from finetune.settings.reward import RewardSection
from finetune.settings.rollout import RolloutSection
from finetune.settings.section import Section
from finetune.settings.shared import LoraSection, ModelSection, TrainSection
from ingest.errors import SettingsError

Method = Literal["sft", "rm", "dpo", "kto", "ppo", "rloo", "grpo"]
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


def load_config(method: Method, path: Path | None, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a configuration; without a path, that of ``finetune/configs`` for the method.

    Args:
        method: the trainer; a file made for another one is refused.
        path: a ``.yaml``, ``.yml`` or ``.toml`` file.
        overrides: ``section.key=value`` texts, their values written as in TOML, bare words are texts.

    Raises:
        SettingsError: the file cannot be read, or a key or value is not one of those above.
    """
    return read_config(TrainConfig, method, path, overrides)


def read_config(form: type[Config], method: str, path: Path | None, overrides: Sequence[str]) -> Config:
    """Read a configuration of ``form``, which has a key ``method``; see ``load_config``."""
    values = read_file(path if path is not None else CONFIGS / f"{method}.yaml")
    for text in overrides:
        override(values, text)
    if values.setdefault("method", method) != method:
        raise SettingsError(
            f"the configuration is for {values['method']!r}, but {method!r} was called: use its own."
        )
    try:
        return form.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"the training setting {key!r} is {first.get('input')!r}: {first['msg']}; correct it."
        ) from error
