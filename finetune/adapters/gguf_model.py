"""A llama model in the Hugging Face layout -> one GGUF file, tensor by tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, cast

import gguf
import numpy as np
from safetensors import safe_open

from finetune.adapters.forms import GgufForm
from finetune.adapters.gguf_header import add_model, add_tokenizer
from finetune.adapters.llama_layout import ARCHITECTURE, LlamaLayout, Matrix, read_layout
from finetune.adapters.lora import read_config
from finetune.adapters.new_place import new_file
from ingest.errors import AdapterRejectedError
from service.generators.requantize import copy_fields

_FILE_TYPES = {
    GgufForm.FLOAT32: gguf.LlamaFileType.ALL_F32,
    GgufForm.FLOAT16: gguf.LlamaFileType.MOSTLY_F16,
    GgufForm.Q8_0: gguf.LlamaFileType.MOSTLY_Q8_0,
}


def write_gguf_model(folder: Path, target: Path, form: GgufForm, header: Path | None) -> None:
    """Write the model in ``folder`` to the file ``target``, which appears when it is whole.

    Args:
        header: the GGUF that the model or its base came as: its tokenizer and shape are taken over, because
            unpacking it lost some of them. Without one they are made from the files in ``folder``.

    Raises:
        AdapterRejectedError: the model is not of the llama architecture, or has what is not written here.
        UsageError: ``target`` exists.
        StorageError: it cannot be written.
    """
    config = read_config(folder / "config.json")
    layout = read_layout(config)
    with new_file(target) as staged:
        writer = gguf.GGUFWriter(staged, ARCHITECTURE)
        try:
            if header is not None:
                copy_fields(gguf.GGUFReader(header), writer)
            else:
                add_model(writer, config)
                add_tokenizer(writer, folder, int(config["vocab_size"]))
            writer.add_file_type(_FILE_TYPES[form])
            _write_weights(writer, folder, layout, form)
        finally:
            writer.close()


def _write_weights(writer: gguf.GGUFWriter, folder: Path, layout: LlamaLayout, form: GgufForm) -> None:
    """Announce all tensors, then write one after another."""
    tied = bool(read_config(folder / "config.json").get("tie_word_embeddings"))
    files = sorted(folder.glob("*.safetensors"))
    for weight in _weights(files, tied=tied):
        name = layout.name(weight.module)
        if name is None:
            raise AdapterRejectedError(
                f"the model holds weights of {weight.module}, which llama.cpp has no place for: "
                "serve it with vLLM."
            )
        kind = _kind(form, weight.shape)
        size = prod(cast("Any", gguf).quants.quant_shape_to_byte_shape(weight.shape, kind))
        writer.add_tensor_info(name, weight.shape, np.dtype(np.float32), size, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for weight in _weights(files, tied=tied):
        values = layout.ordered(weight.module, weight.read())
        encoded = cast("Any", gguf).quants.quantize(values, _kind(form, weight.shape))
        writer.write_tensor_data(encoded)


@dataclass(frozen=True, slots=True)
class _Weight:
    """A tensor in an open safetensors file."""

    module: str
    shape: tuple[int, ...]
    read: Callable[[], Matrix]


def _weights(files: Sequence[Path], *, tied: bool) -> Iterator[_Weight]:
    """All weights in their order; each can be read while it is the last that was yielded."""
    for path in files:
        with cast("Any", safe_open)(path, framework="pt") as weights:
            for key in weights.offset_keys():
                module = key.removesuffix(".weight")
                if not (tied and module == "lm_head"):
                    read = partial(_read, weights, key)
                    yield _Weight(module, tuple(weights.get_slice(key).get_shape()), read)


def _read(weights: Any, key: str) -> Matrix:
    return weights.get_tensor(key).float().numpy()


def _kind(form: GgufForm, shape: tuple[int, ...]) -> gguf.GGMLQuantizationType:
    if len(shape) < 2 or form is GgufForm.FLOAT32:
        return gguf.GGMLQuantizationType.F32
    if form is GgufForm.FLOAT16:
        return gguf.GGMLQuantizationType.F16
    whole_blocks = shape[-1] % gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType.Q8_0][0] == 0
    return gguf.GGMLQuantizationType.Q8_0 if whole_blocks else gguf.GGMLQuantizationType.F32
