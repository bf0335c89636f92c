"""Add an adapter into the weights of its base: W = W0 + scale B A, in float32, then rounded once.

bfloat16 keeps 8 bits of W, so of a change that is small beside W little is left; what is lost is measured
for each layer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors_torch

from finetune.adapters.lora import KEY, Lora
from finetune.adapters.tensor_file import TensorPlace, write_tensors
from ingest.errors import AdapterRejectedError
from ingest.snapshots.durable import replace_text

INDEX = "model.safetensors.index.json"


@dataclass(frozen=True, slots=True)
class Rounding:
    """What is left of a change D = scale B A once weights are rounded to r; root mean squares of ``count``.

    The change that is kept is r(W0 + D) - r(W0), and ``lost_rms`` is of that minus D.
    """

    module: str
    count: int
    weight_rms: float
    change_rms: float
    lost_rms: float

    @property
    def lost_share(self) -> float:
        """0 where all of the change is kept; above 1 where rounding does more than the change itself."""
        return self.lost_rms / self.change_rms if self.change_rms else 0.0


def write_merged_weights(
    lora: Lora, checkpoint: Path, target: Path, dtype: torch.dtype
) -> tuple[Rounding, ...]:
    """Write the safetensors files of ``checkpoint`` with the adapter in them to the folder ``target``.

    Tensors are read, changed and written one after another.

    Raises:
        AdapterRejectedError: the adapter changes a layer that the base does not have in that shape, or the
            base's weights are quantised.
    """
    pairs = _pairs(lora)
    roundings: list[Rounding] = []

    def merged(weights: Any, places: Sequence[TensorPlace]) -> Iterator[torch.Tensor]:
        for place in places:
            weight = _real(place.name, weights.get_tensor(place.name))
            module = place.name.removesuffix(".weight")
            if module not in pairs:
                yield weight
                continue
            change = _change(lora, module, pairs.pop(module), place.shape)
            roundings.append(measure_rounding(module, weight, change, dtype))
            yield weight + change

    for source in sorted(checkpoint.glob("*.safetensors")):
        with cast("Any", safe_open)(source, framework="pt") as weights:
            names: list[str] = weights.offset_keys()
            places = [TensorPlace(name, tuple(weights.get_slice(name).get_shape())) for name in names]
            write_tensors(target / source.name, dtype, places, merged(weights, places))
    if pairs:
        raise AdapterRejectedError(
            f"the adapter changes {min(pairs)!r}, and the base model {lora.base_model} has no such weights: "
            "merge it into the model that it was trained on."
        )
    _write_index(checkpoint, target)
    return tuple(roundings)


def measure_rounding(module: str, weight: torch.Tensor, change: torch.Tensor, dtype: torch.dtype) -> Rounding:
    """What ``dtype`` keeps of ``change`` when it is added to ``weight``, both float32 of one shape."""
    kept = (weight + change).to(dtype).float() - weight.to(dtype).float()
    return Rounding(module, weight.numel(), _rms(weight), _rms(change), _rms(kept - change))


def overall(roundings: Sequence[Rounding]) -> Rounding:
    """The root mean squares over all weights of all modules; there is at least one."""
    count = sum(rounding.count for rounding in roundings)

    def joined(parts: Iterator[tuple[int, float]]) -> float:
        return math.sqrt(sum(n * rms**2 for n, rms in parts) / count)

    return Rounding(
        "all",
        count,
        joined((rounding.count, rounding.weight_rms) for rounding in roundings),
        joined((rounding.count, rounding.change_rms) for rounding in roundings),
        joined((rounding.count, rounding.lost_rms) for rounding in roundings),
    )


def _pairs(lora: Lora) -> dict[str, dict[str, torch.Tensor]]:
    """A and B of each changed layer, float32, under their letters."""
    try:
        tensors: dict[str, torch.Tensor] = cast("Any", safetensors_torch).load_file(lora.weights)
    except SafetensorError as error:
        raise AdapterRejectedError(f"{lora.weights} is damaged ({error}): train it again.") from error
    pairs: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        found = KEY.fullmatch(key)
        if found is None:
            raise AdapterRejectedError(
                f"the adapter holds {key!r}, which is no part of LoRA on a linear layer: train those only."
            )
        pairs.setdefault(found["module"], {})[found["part"]] = tensor.float()
    return pairs


def _change(
    lora: Lora, module: str, pair: Mapping[str, torch.Tensor], shape: tuple[int, ...]
) -> torch.Tensor:
    if set(pair) != {"A", "B"} or (pair["B"].shape[0], pair["A"].shape[1]) != shape:
        raise AdapterRejectedError(
            f"the adapter does not fit the weights of {module}, of shape {shape}: "
            "merge it into the model that it was trained on."
        )
    return (pair["B"] @ pair["A"]) * lora.scale


def _real(name: str, weight: torch.Tensor) -> torch.Tensor:
    if not weight.is_floating_point():
        raise AdapterRejectedError(
            f"the base model holds {name} as {weight.dtype}: merge into weights that are not quantised."
        )
    return weight.float()


def _rms(tensor: torch.Tensor) -> float:
    return math.sqrt(float(tensor.double().square().mean()))


def _write_index(checkpoint: Path, target: Path) -> None:
    """The list of which tensor is in which file, where there are several."""
    if (checkpoint / INDEX).is_file():
        index: dict[str, Any] = json.loads((checkpoint / INDEX).read_text("utf-8"))
        total = sum(path.stat().st_size for path in target.glob("*.safetensors"))
        replace_text(target / INDEX, json.dumps({**index, "metadata": {"total_size": total}}, indent=2))
