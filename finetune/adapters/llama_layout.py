"""How llama.cpp names and orders the weights of the llama architecture.

It stores the rows of the query and key projections in another order than transformers: pairs of rotary
dimensions interleaved instead of halved. So W' = P W, and an adapter's W + s B A becomes P W + s (P B) A.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import AdapterRejectedError

Matrix = NDArray[np.float32]
ARCHITECTURE = "llama"

_QUERY, _KEY = "self_attn.q_proj", "self_attn.k_proj"
_IN_LAYER = {
    _QUERY: "attn_q",
    _KEY: "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")


@dataclass(frozen=True, slots=True)
class LlamaLayout:
    """The layout of one model, by its numbers of query heads and key heads."""

    heads: int
    key_heads: int

    def name(self, module: str) -> str | None:
        """llama.cpp's name for the weight of ``module``, transformers' name; None where it has none."""
        found = _LAYER.fullmatch(module)
        if found is None:
            return f"{_OUTSIDE[module]}.weight" if module in _OUTSIDE else None
        layer, part = found.groups()
        return f"blk.{layer}.{_IN_LAYER[part]}.weight" if part in _IN_LAYER else None

    def ordered(self, module: str, rows: Matrix) -> Matrix:
        """``rows``, of shape (out, any), in llama.cpp's order for ``module``."""
        if module.endswith(_QUERY):
            return permute_rows(rows, self.heads)
        if module.endswith(_KEY):
            return permute_rows(rows, self.key_heads)
        return rows


def is_llama(model: Mapping[str, Any]) -> bool:
    """Whether the model with the configuration ``model`` is of the architecture that this file is about."""
    return model.get("model_type") == ARCHITECTURE


def read_layout(model: Mapping[str, Any]) -> LlamaLayout:
    """The layout of the model with the configuration ``model``.

    Raises:
        AdapterRejectedError: it is of another architecture.
    """
    if not is_llama(model):
        raise AdapterRejectedError(
            f"the base model is of the architecture {model.get('model_type')!r}, and a GGUF is written only "
            f"of {ARCHITECTURE!r}: keep the adapter as it is, and serve it with vLLM."
        )
    heads = int(model["num_attention_heads"])
    return LlamaLayout(heads, int(model.get("num_key_value_heads") or heads))


def permute_rows(matrix: Matrix, heads: int) -> Matrix:
    """Reorder the rows of each head from halves (0, d/2, …) to interleaved pairs, as llama.cpp keeps them."""
    rows, columns = matrix.shape
    halves = matrix.reshape(heads, 2, rows // heads // 2, columns)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows, columns))
