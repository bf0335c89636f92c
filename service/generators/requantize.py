"""Write a GGUF model again with 8-bit weights, which llama.cpp reads fastest without special hardware.

The packaged model is Q4_1, a form that llama.cpp has no fast matrix product for: on a CPU with AVX2 its
prompt costs two to three times the time of Q8_0. Every 4-bit weight is representable in 8 bits to
within rounding, so the model stays what it was. An adapter is added to the weights on the way, W + s B A,
because beside them it costs each layer two more matrix products for every token.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import gguf
import numpy as np
from numpy.typing import NDArray

from ingest.errors import AdapterRejectedError

Matrix = NDArray[np.float32]
_Q8_BLOCK = 32
_MERGED_KEPT = 3
_PART_A, _PART_B = ".lora_a", ".lora_b"


@dataclass(frozen=True, slots=True)
class MergedAdapter:
    """An adapter as llama.cpp loads it, and the name of its weights."""

    name: str
    path: Path


def requantized(
    source: Path, directory: Path, fingerprint: str, adapter: MergedAdapter | None = None
) -> Path:
    """The 8-bit form of ``source``, with ``adapter`` added, made under ``directory`` when it is not there.

    ``fingerprint`` names the source's content, so another model never meets this one's copy. Of the forms
    with an adapter those are kept that were asked for last.

    Raises:
        AdapterRejectedError: ``adapter`` changes what the model has not.
    """
    stem = f"generator-{fingerprint.replace('@', '-')}"
    target = directory / (f"{stem}.Q8_0.gguf" if adapter is None else f"{stem}+{adapter.name}.Q8_0.gguf")
    if not target.is_file():
        directory.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            _rewrite(source, staged, adapter)
            os.replace(staged, target)
        finally:
            staged.unlink(missing_ok=True)
    if adapter is not None:
        target.touch()
        _forget_oldest(
            sorted(directory.glob(f"{stem}+*.Q8_0.gguf"), key=lambda path: path.stat().st_mtime_ns)
        )
    return target


def _forget_oldest(merged: list[Path]) -> None:
    # A model that is loaded stays: its file is only unlinked.
    for path in merged[:-_MERGED_KEPT]:
        path.unlink(missing_ok=True)


def _rewrite(source: Path, target: Path, adapter: MergedAdapter | None) -> None:
    library = cast("Any", gguf)
    reader = library.GGUFReader(source)
    changes: Mapping[str, _Change] = {} if adapter is None else _changes(adapter)
    if unknown := set(changes) - {tensor.name for tensor in reader.tensors}:
        raise AdapterRejectedError(
            f"the adapter changes {min(unknown)}, which {source.name} has not: export it for this model."
        )
    architecture = reader.fields["general.architecture"].contents()
    writer = library.GGUFWriter(target, architecture)
    copy_fields(reader, writer)
    writer.add_file_type(library.LlamaFileType.MOSTLY_Q8_0)
    for tensor in reader.tensors:
        data, kind = _eight_bits(library, tensor, changes.get(tensor.name))
        writer.add_tensor(tensor.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@dataclass(frozen=True, slots=True)
class _Change:
    """What an adapter adds to a weight of shape (out, in): ``scale`` times B (out, r) times A (r, in)."""

    scale: float
    a: Matrix
    b: Matrix

    def added_to(self, values: Matrix) -> Matrix:
        return (values + self.scale * (self.b @ self.a)).astype(np.float32)


def _changes(adapter: MergedAdapter) -> Mapping[str, _Change]:
    """The changes of a GGUF adapter by the names of the weights; llama.cpp scales them by alpha / r."""
    reader = cast("Any", gguf).GGUFReader(adapter.path)
    alpha = float(reader.fields[gguf.Keys.Adapter.LORA_ALPHA].contents())
    parts: dict[str, Matrix] = {
        tensor.name: np.asarray(tensor.data, dtype=np.float32) for tensor in reader.tensors
    }
    return {
        name.removesuffix(_PART_A): _Change(
            alpha / a.shape[0], a, parts[name.removesuffix(_PART_A) + _PART_B]
        )
        for name, a in parts.items()
        if name.endswith(_PART_A)
    }


def copy_fields(reader: Any, writer: Any) -> None:
    """Write what a GGUF says of its model and tokenizer, but not of the form of its weights."""
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        kinds = field.types
        element = kinds[-1] if kinds[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), kinds[0], element)


def _eight_bits(library: Any, tensor: Any, change: _Change | None) -> tuple[Any, Any]:
    """A tensor's data and type: matrices in Q8_0, vectors (norms, biases) in float32."""
    values = library.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
    if change is not None:
        values = change.added_to(values)
    if values.ndim < 2 or values.shape[-1] % _Q8_BLOCK:
        return values, library.GGMLQuantizationType.F32
    kind = library.GGMLQuantizationType.Q8_0
    return library.quants.quantize(values, kind), kind
