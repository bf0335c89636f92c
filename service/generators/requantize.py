"""Write a GGUF model again with 8-bit weights, which llama.cpp reads fastest without special hardware.

The packaged model is Q4_1, a form that llama.cpp has no fast matrix product for: on a CPU with AVX2 its
prompt costs two to three times the time of Q8_0. Every 4-bit weight is representable in 8 bits to
within rounding, so the model stays what it was.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import gguf
import numpy as np

_Q8_BLOCK = 32


def requantized(source: Path, directory: Path, fingerprint: str) -> Path:
    """The 8-bit form of ``source``, made under ``directory`` when it is not there yet.

    ``fingerprint`` names the source's content, so another model never meets this one's copy.
    """
    target = directory / f"generator-{fingerprint.replace('@', '-')}.Q8_0.gguf"
    if not target.is_file():
        directory.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            _rewrite(source, staged)
            os.replace(staged, target)
        finally:
            staged.unlink(missing_ok=True)
    return target


def _rewrite(source: Path, target: Path) -> None:
    library = cast("Any", gguf)
    reader = library.GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    writer = library.GGUFWriter(target, architecture)
    copy_fields(reader, writer)
    writer.add_file_type(library.LlamaFileType.MOSTLY_Q8_0)
    for tensor in reader.tensors:
        data, kind = _eight_bits(library, tensor)
        writer.add_tensor(tensor.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def copy_fields(reader: Any, writer: Any) -> None:
    """Write what a GGUF says of its model and tokenizer, but not of the form of its weights."""
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        kinds = field.types
        element = kinds[-1] if kinds[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), kinds[0], element)


def _eight_bits(library: Any, tensor: Any) -> tuple[Any, Any]:
    """A tensor's data and type: matrices in Q8_0, vectors (norms, biases) in float32."""
    values = library.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
    if values.ndim < 2 or values.shape[-1] % _Q8_BLOCK:
        return values, library.GGMLQuantizationType.F32
    kind = library.GGMLQuantizationType.Q8_0
    return library.quants.quantize(values, kind), kind
