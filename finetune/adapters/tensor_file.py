"""Write a safetensors file tensor by tensor, so that a model of any size needs the memory of one tensor.

The library's own writer wants all tensors at once. The format is a header of names, types, shapes and byte
ranges in JSON, preceded by its length in 8 bytes, and then the bytes in that order:
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch

_CODES = {torch.float32: "F32", torch.bfloat16: "BF16"}
_ALIGNMENT = 8


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """A tensor that is to be written: its name and shape."""

    name: str
    shape: tuple[int, ...]


def write_tensors(
    path: Path, dtype: torch.dtype, places: Sequence[TensorPlace], tensors: Iterable[torch.Tensor]
) -> None:
    """Write ``tensors``, which have the shapes of ``places`` in their order, as ``dtype``."""
    with path.open("wb") as file:
        header = json.dumps(_header(dtype, places), separators=(",", ":")).encode()
        header += b" " * (-len(header) % _ALIGNMENT)
        file.write(len(header).to_bytes(8, "little") + header)
        for place, tensor in zip(places, tensors, strict=True):
            if tuple(tensor.shape) != place.shape:
                raise ValueError(f"{place.name} has the shape {tuple(tensor.shape)}, not {place.shape}")
            flat = tensor.to(dtype).contiguous().flatten()
            file.write(flat.view(torch.uint8).numpy().data)


def _header(dtype: torch.dtype, places: Sequence[TensorPlace]) -> Mapping[str, Any]:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    start = 0
    for place in places:
        end = start + prod(place.shape) * dtype.itemsize
        header[place.name] = {
            "dtype": _CODES[dtype],
            "shape": list(place.shape),
            "data_offsets": [start, end],
        }
        start = end
    return header
