"""A PEFT adapter -> a GGUF adapter that llama.cpp loads beside its base model.

llama.cpp stores the rows of the llama architecture's query and key projections in another order than
transformers (pairs of rotary dimensions interleaved instead of halved). W' = P W, so an adapter's
W + s B A becomes P W + s (P B) A: the rows of B are permuted, A stays as it is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors_numpy

from ingest.errors import AdapterRejectedError

Matrix = NDArray[np.float32]
ARCHITECTURE = "llama"

_KEY = re.compile(r"base_model\.model\.model\.layers\.(\d+)\.(.+)\.lora_(A|B)\.weight")
_MODULES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def export_gguf(weights: Path, adapter_config: Path, model_config: Path, target: Path) -> None:
    """Write the adapter in ``weights`` (safetensors) to ``target``.

    Args:
        weights: ``adapter_model.safetensors``, as PEFT wrote it.
        adapter_config: ``adapter_config.json`` beside it.
        model_config: ``config.json`` of the base model.
        target: the GGUF file to write.

    Raises:
        AdapterRejectedError: the base is not of the llama architecture, or the adapter holds what a GGUF
            adapter cannot (DoRA, biases, whole modules, embeddings).
    """
    adapter, model = _read(adapter_config), _read(model_config)
    _check(adapter, model)
    tensors = gguf_tensors(
        cast("Any", safetensors_numpy).load_file(weights),
        int(model["num_attention_heads"]),
        _key_heads(model),
    )
    writer = gguf.GGUFWriter(target, ARCHITECTURE)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, _alpha(adapter))
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_tensors(tensors: Mapping[str, NDArray[Any]], heads: int, key_heads: int) -> dict[str, Matrix]:
    """The tensors under llama.cpp's names; A has shape (r, in), B has shape (out, r), both float32."""
    renamed: dict[str, Matrix] = {}
    for key, tensor in sorted(tensors.items()):
        found = _KEY.fullmatch(key)
        if found is None or found[2] not in _MODULES:
            raise AdapterRejectedError(
                f"the adapter changes {key!r}, which llama.cpp cannot load as LoRA: "
                "train the linear layers only."
            )
        layer, module, part = found.groups()
        matrix = np.ascontiguousarray(tensor, dtype=np.float32)
        if part == "B" and module == "self_attn.q_proj":
            matrix = permute_rows(matrix, heads)
        elif part == "B" and module == "self_attn.k_proj":
            matrix = permute_rows(matrix, key_heads)
        renamed[f"blk.{layer}.{_MODULES[module]}.weight.lora_{part.lower()}"] = matrix
    return renamed


def permute_rows(matrix: Matrix, heads: int) -> Matrix:
    """Reorder the rows of each head from halves (0, d/2, …) to interleaved pairs, as llama.cpp keeps them."""
    rows, columns = matrix.shape
    halves = matrix.reshape(heads, 2, rows // heads // 2, columns)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows, columns))


def _check(adapter: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    if model.get("model_type") != ARCHITECTURE:
        raise AdapterRejectedError(
            f"the base model is of the architecture {model.get('model_type')!r}, only {ARCHITECTURE!r} can "
            "be exported: serve this adapter with vLLM."
        )
    for key in ("use_dora", "modules_to_save", "alpha_pattern", "rank_pattern"):
        if adapter.get(key):
            raise AdapterRejectedError(
                f"the adapter uses {key}, which a GGUF adapter cannot hold: train it without."
            )
    if adapter.get("bias", "none") != "none":
        raise AdapterRejectedError(
            "the adapter trains biases, which a GGUF adapter cannot hold: set bias to none."
        )


def _alpha(adapter: Mapping[str, Any]) -> float:
    # llama.cpp scales by alpha / r; rank-stabilised adapters scale by alpha / sqrt(r).
    alpha, rank = float(adapter["lora_alpha"]), int(adapter["r"])
    return alpha * math.sqrt(rank) if adapter.get("use_rslora") else alpha


def _key_heads(model: Mapping[str, Any]) -> int:
    return int(model.get("num_key_value_heads") or model["num_attention_heads"])


def _read(path: Path) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise AdapterRejectedError(
            f"{path.name} cannot be read ({error}): train the adapter again."
        ) from error
