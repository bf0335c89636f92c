"""The shape of the adapter that a run trains: a new one that fits its base, or the one that it starts from.

Training goes on in an adapter as it is, whatever the section ``lora`` says; so the section is taken from the
adapter, and what was asked for otherwise is refused. Asked for is what ``model_fields_set`` names, see
``load_config``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from finetune.adapters.lora import read_config
from finetune.settings.shared import LoraSection
from finetune.training.base_model import BaseModel
from ingest.errors import AdapterRejectedError, SettingsError
from service.releases.adapters import CONFIG

ALL_LINEAR = "all-linear"

# What PEFT takes where the file of an adapter does not say.
_OF_PEFT: Mapping[str, object] = {"r": 8, "lora_alpha": 8, "lora_dropout": 0.0, "use_rslora": False}


def adapter_shape(lora: LoraSection, base: BaseModel, adapter: Path | None) -> LoraSection:
    """The section by which a run on ``base`` goes that was asked for ``lora``.

    Raises:
        SettingsError: it names a layer that the base has not, or differs from the adapter to start from.
        AdapterRejectedError: the shape of ``adapter`` is none that the section can tell.
    """
    modules = _LinearModules(base)
    if adapter is None:
        _require_layers(lora, modules)
        return lora
    own = _shape_of(adapter, modules)
    for key in sorted(lora.model_fields_set):
        wanted, found = getattr(lora, key), getattr(own, key)
        if wanted != found and not (key == "target_modules" and modules.are_same(wanted, found)):
            raise SettingsError(
                f"lora.{key} is {_said(wanted)}, but training goes on in the adapter {adapter}, where it is "
                f"{_said(found)}: leave lora.{key} out, or leave --adapter out to train a new one."
            )
    return own


class _LinearModules:
    """The linear layers of a base model that PEFT adapts, by their full names; read when they are needed."""

    def __init__(self, base: BaseModel) -> None:
        self.base = base

    @cached_property
    def names(self) -> frozenset[str]:
        """All of them but the output layer."""
        # They are told by building the model without its weights, and torch takes seconds to load.
        from finetune.training.linear_modules import linear_modules

        return linear_modules(self.base)

    def of(self, targets: str | Iterable[str]) -> frozenset[str]:
        """Those that ``target_modules`` means, with a text that is an expression as PEFT has it."""
        if targets == ALL_LINEAR:
            return self.names
        if isinstance(targets, str):
            return frozenset(name for name in self.names if re.fullmatch(targets, name))
        return frozenset(name for target in targets for name in self.names if _ends_in(name, target))

    def are_same(self, first: str | Iterable[str], second: str | Iterable[str]) -> bool:
        return self.of(first) == self.of(second)


def _require_layers(lora: LoraSection, modules: _LinearModules) -> None:
    if lora.target_modules == ALL_LINEAR:
        return
    unknown = [name for name in lora.target_modules if not modules.of([name])]
    if unknown:
        layers = sorted({name.rpartition(".")[2] for name in modules.names})
        raise SettingsError(
            f"lora.target_modules names {', '.join(unknown)}, and no linear layer of "
            f"{modules.base.fingerprint} ends in that: take of {', '.join(layers)}, or {ALL_LINEAR}."
        )


def _shape_of(adapter: Path, modules: _LinearModules) -> LoraSection:
    config = read_config(adapter / CONFIG)
    told = {key: config[key] for key in LoraSection.model_fields if config.get(key) is not None}
    targets = _targets(config.get("target_modules"), modules)
    if not targets:
        raise AdapterRejectedError(
            f"the adapter in {adapter} names no layers of {modules.base.fingerprint} in its {CONFIG}: start "
            "from another, or from none."
        )
    try:
        return LoraSection.model_validate({**_OF_PEFT, **told, "target_modules": targets})
    except ValidationError as error:
        first = error.errors()[0]
        raise AdapterRejectedError(
            f"the adapter in {adapter} has {'.'.join(map(str, first['loc']))} {first['input']}, and "
            f"{first['msg'].lower()}: start from another, or from none."
        ) from error


def _targets(told: str | Iterable[str] | None, modules: _LinearModules) -> str | list[str]:
    if isinstance(told, str):
        return told if told == ALL_LINEAR else sorted(modules.of(told))
    return sorted(told or ())


def _ends_in(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


def _said(value: object) -> str:
    return ", ".join(map(str, cast("tuple[object, ...]", value))) if isinstance(value, tuple) else str(value)
