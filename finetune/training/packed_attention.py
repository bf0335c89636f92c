"""Attention within the spans of a packed row: each token attends to its own row alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, masking_utils
from transformers.integrations import sdpa_attention

from ingest.errors import SettingsError

_ATTENTION = "packed"


@dataclass(frozen=True, slots=True)
class Spans:
    """Which keys the queries of a packed row attend to, one span after the other.

    The queries of a span are its own tokens; its keys are ``keys`` tokens that end with the same ones, and
    begin with the shared beginning when that lies elsewhere. ``key_rows``, int64, are the positions of all
    keys; None when every span's keys are its own tokens.
    """

    queries: tuple[int, ...]
    keys: tuple[int, ...]
    key_rows: torch.Tensor | None


def attend_within_spans(language_model: Any, max_length: int) -> None:
    """Have the layers of ``language_model`` take ``spans``; batches without them stay as they are.

    Args:
        language_model: a model of transformers, without PEFT's shell.
        max_length: the most tokens of a row.

    Raises:
        SettingsError: the model's layers do not simply attend to all earlier tokens.
    """
    config = language_model.config.get_text_config()
    cast("Any", AttentionInterface).register(_ATTENTION, attend)
    cast("Any", AttentionMaskInterface).register(_ATTENTION, _padding_mask)
    language_model.set_attn_implementation(_ATTENTION)  # a model with an attention of its own stays as it is
    if config._attn_implementation != _ATTENTION or not _attends_plainly(config, max_length):
        raise SettingsError(
            f"a layer of this {config.model_type} does not simply attend to all earlier tokens of a row, so "
            "rows cannot be packed: set train.packing=false."
        )


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    spans: Spans | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each span, as one of transformers' attention functions.

    Args:
        module: the layer, as transformers gives it.
        query: (1, heads, tokens, width).
        key: (1, key heads, tokens, width); the number of heads is a multiple of that of key heads.
        value: as ``key``.
        attention_mask: used for batches that are not packed.
        spans: how the row is packed; None for batches that are not.
        options: ``scaling`` of the products and ``dropout``; the rest is for other attention functions.

    Returns:
        (1, tokens, heads, width), and no weights.
    """
    if spans is None:
        stock = cast("Any", sdpa_attention).sdpa_attention_forward
        return stock(module, query, key, value, attention_mask, **options)
    if spans.key_rows is not None:
        key, value = key[:, :, spans.key_rows], value[:, :, spans.key_rows]
    if query.is_cuda and value.dtype in {torch.bfloat16, torch.float16}:
        return _attend_at_once(query, key, value, spans, options["scaling"])[None], None
    pieces = zip(
        torch.split(query, list(spans.queries), dim=2),
        torch.split(key, list(spans.keys), dim=2),
        torch.split(value, list(spans.keys), dim=2),
        strict=True,
    )
    outputs = [_attend_span(*piece, options["scaling"], options["dropout"]) for piece in pieces]
    return torch.cat([output.transpose(1, 2) for output in outputs], dim=1), None


def _attend_span(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float, dropout: float
) -> torch.Tensor:
    before = key.shape[2] - query.shape[2]
    mask = query.new_ones(query.shape[2], key.shape[2], dtype=torch.bool).tril(before) if before else None
    return scaled_dot_product_attention(
        query, key, value, mask, dropout, is_causal=mask is None, scale=scaling, enable_gqa=True
    )


def _attend_at_once(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, spans: Spans, scaling: float
) -> torch.Tensor:
    """All spans in one kernel, which aligns each span's last query with its last key."""
    # Autocast leaves the rotated queries and keys in float32, and this kernel takes 16 bits alone.
    query, key, value = (tensor[0].transpose(0, 1).to(value.dtype) for tensor in (query, key, value))
    query_ends, key_ends = (
        torch.tensor([0, *lengths], device=query.device).cumsum(0, dtype=torch.int32)
        for lengths in (spans.queries, spans.keys)
    )
    output = varlen_attn(
        query,
        key,
        value,
        query_ends,
        key_ends,
        max(spans.queries),
        max(spans.keys),
        scale=scaling,
        window_size=(-1, 0),
        enable_gqa=True,
    )
    return cast("torch.Tensor", output)


def _padding_mask(
    batch_size: int, q_length: int, kv_length: int, attention_mask: torch.Tensor | None = None, **options: Any
) -> torch.Tensor | None:
    """transformers' mask for what is padded; none for a packed row, whose spans say all."""
    if attention_mask is None and q_length == kv_length:
        return None
    stock = cast("Any", masking_utils).sdpa_mask
    return stock(batch_size, q_length, kv_length, attention_mask=attention_mask, **options)


def _attends_plainly(config: Any, max_length: int) -> bool:
    layers: set[str] = set(getattr(config, "layer_types", None) or ())
    window: int | None = getattr(config, "sliding_window", None)
    capped = getattr(config, "attn_logit_softcapping", None) is not None
    return layers <= {"full_attention"} and not capped and (window is None or window >= max_length)
