"""A LoRA adapter on disk, as PEFT writes it: checked to be one that every server of ours can hold."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ingest.errors import AdapterRejectedError
from service.releases.adapters import CONFIG
from service.releases.release import WEIGHTS

KEY = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<part>[AB])\.weight")
"""A tensor of an adapter; ``module`` is the base model's own name for the layer it changes."""

_WHOLE_MODULES = ("use_dora", "modules_to_save", "alpha_pattern", "rank_pattern", "fan_in_fan_out")
_TASK = "CAUSAL_LM"


@dataclass(frozen=True, slots=True)
class Lora:
    """W' = W + scale B A for each changed layer, A of shape (rank, in) and B of shape (out, rank)."""

    folder: Path
    base_model: str
    rank: int
    alpha: float
    rank_stabilised: bool

    @property
    def weights(self) -> Path:
        return self.folder / WEIGHTS

    @property
    def scale(self) -> float:
        """alpha / r (Hu et al., 2021), or alpha / sqrt(r) where rank-stabilised (Kalajdzievski, 2023)."""
        return self.alpha / (math.sqrt(self.rank) if self.rank_stabilised else self.rank)


def read_lora(folder: Path) -> Lora:
    """The adapter in ``folder``.

    Raises:
        AdapterRejectedError: it cannot be read, or is more than pairs of A and B on linear layers.
    """
    config = read_config(folder / CONFIG)
    if config.get("peft_type") != "LORA" or config.get("task_type") != _TASK:
        raise AdapterRejectedError(
            f"the adapter in {folder} is {config.get('peft_type')} for {config.get('task_type')}, expected "
            f"LORA for {_TASK}: only a model that writes answers is merged and exported."
        )
    for key in _WHOLE_MODULES:
        if config.get(key):
            raise AdapterRejectedError(
                f"the adapter uses {key}, which not every form of it can hold: train it without."
            )
    if config.get("bias", "none") != "none":
        raise AdapterRejectedError(
            "the adapter trains biases, which not every form of it can hold: set bias to none."
        )
    if not (folder / WEIGHTS).is_file():
        raise AdapterRejectedError(f"the adapter in {folder} has no {WEIGHTS}: train it again.")
    return Lora(
        folder=folder,
        base_model=str(config.get("base_model_name_or_path")),
        rank=int(config["r"]),
        alpha=float(config["lora_alpha"]),
        rank_stabilised=bool(config.get("use_rslora")),
    )


def read_config(path: Path) -> Mapping[str, Any]:
    """The JSON object in ``path``, a configuration of an adapter or a model.

    Raises:
        AdapterRejectedError: it cannot be read.
    """
    try:
        return cast("dict[str, Any]", json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise AdapterRejectedError(f"{path} cannot be read ({error}): train the adapter again.") from error
