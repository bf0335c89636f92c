"""A PEFT adapter -> a GGUF adapter that llama.cpp loads beside its base model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors_numpy

from finetune.adapters.llama_layout import ARCHITECTURE, LlamaLayout, Matrix, read_layout
from finetune.adapters.lora import KEY, read_config, read_lora
from ingest.errors import AdapterRejectedError


def write_gguf_adapter(adapter: Path, checkpoint: Path, target: Path) -> None:
    """Write the adapter in the folder ``adapter`` to the file ``target``.

    Args:
        adapter: the folder of the adapter, as PEFT wrote it.
        checkpoint: the folder of its base model, of which only ``config.json`` is read.
        target: the GGUF file to write.

    Raises:
        AdapterRejectedError: the base is not of the llama architecture, or the adapter holds what a GGUF
            adapter cannot (DoRA, biases, whole modules, embeddings).
    """
    lora = read_lora(adapter)
    layout = read_layout(read_config(checkpoint / "config.json"))
    tensors = gguf_tensors(cast("Any", safetensors_numpy).load_file(lora.weights), layout)
    writer = gguf.GGUFWriter(target, ARCHITECTURE)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    # llama.cpp knows no rank-stabilised adapters: it always scales by alpha / r.
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, lora.scale * lora.rank)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_tensors(tensors: Mapping[str, NDArray[Any]], layout: LlamaLayout) -> dict[str, Matrix]:
    """The tensors under llama.cpp's names; A has shape (r, in), B has shape (out, r), both float32."""
    renamed: dict[str, Matrix] = {}
    for key, tensor in sorted(tensors.items()):
        found = KEY.fullmatch(key)
        name = layout.name(found["module"]) if found and "layers." in key else None
        if found is None or name is None:
            raise AdapterRejectedError(
                f"the adapter changes {key!r}, which llama.cpp cannot load as LoRA: "
                "train the linear layers only."
            )
        matrix = np.ascontiguousarray(tensor, dtype=np.float32)
        if found["part"] == "B":
            matrix = layout.ordered(found["module"], matrix)
        renamed[f"{name}.lora_{found['part'].lower()}"] = matrix
    return renamed
