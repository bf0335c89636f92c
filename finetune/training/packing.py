"""A batch without padding: its rows one after the other, and a beginning that several rows share only once.

TRL's trainers pad the rows of a batch to one length, run a prompt again for each of its answers and a system
message for each of its questions, and, without Triton, project every position to the vocabulary.
``pack_batches`` stands between a trainer and its model: it takes the same padded batch, runs the tokens
alone, and gives back the same log-probabilities::

    rows       p p p a a . .    p p p b . . .    q q c c c c c
    packed     p p p a a b q q c c c c c
    positions  0 1 2 3 4 3 0 1 2 3 4 5 6

A token attends to what it attends to in its own row: ``b`` to ``p p p`` and itself, not to ``a a``. What a
model makes of a token depends on the tokens before it alone, so a beginning of equal tokens need not be the
whole prompt.
For preference pairs see Wang and Hegde, 2024 (https://arxiv.org/abs/2410.20305).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MethodType
from typing import Any, cast

import torch
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, masking_utils
from transformers.integrations import sdpa_attention

from finetune.data.encode import IGNORED
from ingest.errors import SettingsError

_ATTENTION = "packed"
# A row that shares less than this part of it with another is run whole: attention over two stretches of keys
# costs more than the few tokens saved.
_WORTH_SHARING = 1 / 8
# What TRL's trainers read for each position that has a label.
_SCORES = ("log_probs", "entropy", "log_sum_sq_probs", "mean_logits", "is_top1")


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


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """The tokens of a batch as one row.

    ``input_ids`` and ``position_ids`` are int64 of shape (1, tokens). ``targets``, (1, scores), are the
    labels in the order of the padded batch, and ``sources``, (scores,), the positions that predict them.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    spans: Spans
    sources: torch.Tensor
    targets: torch.Tensor


def pack_batches(model: Any, max_length: int) -> None:
    """Have ``model`` run its batches without padding, and a beginning that rows share only once.

    Args:
        model: what one of TRL's trainers has made ready (``trainer.model``), with an adapter or without.
        max_length: the most tokens of a row.

    Raises:
        SettingsError: the model's layers do not simply attend to all earlier tokens.
    """
    language_model = model.get_base_model() if hasattr(model, "get_base_model") else model
    config = language_model.config.get_text_config()
    cast("Any", AttentionInterface).register(_ATTENTION, attend)
    cast("Any", AttentionMaskInterface).register(_ATTENTION, _padding_mask)
    language_model.set_attn_implementation(_ATTENTION)  # a model with an attention of its own stays as it is
    if config._attn_implementation != _ATTENTION or not _attends_plainly(config, max_length):
        raise SettingsError(
            f"a layer of this {config.model_type} does not simply attend to all earlier tokens of a row, so "
            "rows cannot be packed: set train.packing=false."
        )
    language_model.base_model.register_forward_hook(_keep_sources, with_kwargs=True)
    run_padded = language_model.forward

    @functools.wraps(cast("Any", type(language_model)).forward)  # generate() reads the signature
    def forward(_: Any, *arguments: Any, fused_lm_head: bool = False, **inputs: Any) -> Any:
        if not fused_lm_head:
            return run_padded(*arguments, **inputs)
        input_ids, attention_mask = inputs.pop("input_ids"), inputs.pop("attention_mask")
        labels = inputs.pop("labels")
        batch = pack(input_ids, attention_mask, labels)
        scores = run_padded(
            *arguments,
            input_ids=batch.input_ids,
            position_ids=batch.position_ids,
            shift_labels=batch.targets,
            fused_lm_head=True,
            spans=batch.spans,
            sources=batch.sources,
            **inputs,
        )
        return _as_padded(scores, labels[:, 1:] != IGNORED)

    language_model.forward = MethodType(cast("Any", forward), language_model)


def pack(input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor) -> PackedBatch:
    """The rows of a padded batch as one, each shared beginning once.

    Args:
        input_ids: (rows, tokens), int64, padded on either side.
        attention_mask: of the same shape; 0 where there is padding.
        labels: of the same shape; ``IGNORED`` at padding, at each row's first token, and where nothing is
            learned.
    """
    device = input_ids.device
    ids, real, learned = input_ids.cpu(), attention_mask.cpu().bool(), labels.cpu() != IGNORED
    rows = [row[kept] for row, kept in zip(ids, real, strict=True)]
    scored = [which[kept] for which, kept in zip(learned, real, strict=True)]
    places, spans = _lay_out(rows)
    packed = ids.new_empty(sum(spans.queries))
    positions = torch.empty_like(packed)
    for row, place in zip(rows, places, strict=True):
        packed[place], positions[place] = row, torch.arange(len(row))
    sources = [place[:-1][which[1:]] for place, which in zip(places, scored, strict=True)]
    return PackedBatch(
        packed[None].to(device),
        positions[None].to(device),
        spans if spans.key_rows is None else replace(spans, key_rows=spans.key_rows.to(device)),
        torch.cat(sources).to(device),
        labels[:, 1:][labels[:, 1:] != IGNORED][None],
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


def _lay_out(rows: Sequence[torch.Tensor]) -> tuple[list[torch.Tensor], Spans]:
    """The place of each row's tokens in the packed row, and the spans of that."""
    places: list[torch.Tensor] = []
    queries: list[int] = []
    keys: list[torch.Tensor] = []
    end = 0
    for number, row in enumerate(rows):
        begun = _begun_before(row, rows[:number], places)
        own = len(row) - len(begun)
        places.append(torch.cat((begun, torch.arange(end, end + own))))
        if own:
            queries.append(own)
            keys.append(places[-1])
        end += own
    lengths = tuple(map(len, keys))
    return places, Spans(tuple(queries), lengths, torch.cat(keys) if sum(lengths) > end else None)


def _begun_before(
    row: torch.Tensor, earlier: Sequence[torch.Tensor], places: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Where the longest beginning of ``row`` that an earlier row has, too, lies in the packed row."""
    lengths = [_common_beginning(row, other) for other in earlier]
    longest = max(lengths, default=0)
    if longest < _WORTH_SHARING * len(row):
        return torch.arange(0)
    return places[lengths.index(longest)][:longest]


def _common_beginning(row: torch.Tensor, other: torch.Tensor) -> int:
    length = min(len(row), len(other))
    differs = (row[:length] != other[:length]).nonzero()
    return int(differs[0]) if len(differs) else length


def _as_padded(scores: Any, scored: torch.Tensor) -> Any:
    """TRL's scores, (1, scores) each, where ``scored``, bool of shape (rows, tokens - 1), has them."""
    padded = {
        name: values.new_zeros(scored.shape).masked_scatter(scored, values)
        for name in _SCORES
        if (values := getattr(scores, name)) is not None
    }
    return replace(scores, **padded, label_mask=scored)


def _keep_sources(_module: Any, _arguments: Any, inputs: dict[str, Any], output: Any) -> None:
    """Leave of the last hidden states those that predict a label: only they reach the vocabulary."""
    if "sources" in inputs:
        output.last_hidden_state = output.last_hidden_state[:, inputs["sources"]]


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
