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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MethodType
from typing import Any, cast

import torch
from transformers.modeling_outputs import SequenceClassifierOutputWithPast

from finetune.data.encode import IGNORED
from finetune.training.packed_attention import Spans, attend_within_spans

# A row that shares less than this part of it with another is run whole: attention over two stretches of keys
# costs more than the few tokens saved.
_WORTH_SHARING = 1 / 8
# What TRL's trainers read for each position that has a label.
_SCORES = ("log_probs", "entropy", "log_sum_sq_probs", "mean_logits", "is_top1")


@dataclass(frozen=True, slots=True)
class PackedRows:
    """The rows of a batch as one.

    ``input_ids`` and ``position_ids`` are int64 of shape (1, tokens). ``places`` says of each row where its
    tokens lie among these, int64 of shape (tokens of the row,), on the CPU.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    spans: Spans
    places: tuple[torch.Tensor, ...]


@dataclass(frozen=True, slots=True)
class PackedLabels:
    """What is learned of packed rows.

    ``targets``, int64 of shape (1, scores), are the labels in the order of the padded batch, and ``sources``,
    int64 of shape (scores,), the positions that predict them.
    """

    sources: torch.Tensor
    targets: torch.Tensor


Count = Callable[[int], None]
"""Is told how many tokens go through the model, each time that they will come back as gradients."""


def pack_batches(model: Any, max_length: int, count: Count) -> None:
    """Have ``model`` run its batches without padding, and a beginning that rows share only once.

    Args:
        model: what one of TRL's trainers has made ready (``trainer.model``), with an adapter or without.
        max_length: the most tokens of a row.
        count: is told of the tokens of each packed batch.

    Raises:
        SettingsError: the model's layers do not simply attend to all earlier tokens.
    """
    language_model = _without_shell(model)
    attend_within_spans(language_model, max_length)
    language_model.base_model.register_forward_hook(_keep_sources, with_kwargs=True)
    run_padded = language_model.forward

    @functools.wraps(cast("Any", type(language_model)).forward)  # generate() reads the signature
    def forward(_: Any, *arguments: Any, fused_lm_head: bool = False, **inputs: Any) -> Any:
        if not fused_lm_head:
            return run_padded(*arguments, **inputs)
        labels = inputs.pop("labels")
        input_ids, attention_mask = inputs.pop("input_ids"), inputs.pop("attention_mask")
        rows = pack_rows(input_ids, attention_mask)
        learned = pack_labels(rows, attention_mask, labels)
        _tell(count, rows)
        scores = run_padded(
            *arguments,
            input_ids=rows.input_ids,
            position_ids=rows.position_ids,
            shift_labels=learned.targets,
            fused_lm_head=True,
            spans=rows.spans,
            sources=learned.sources,
            **inputs,
        )
        return _as_padded(scores, labels[:, 1:] != IGNORED)

    language_model.forward = MethodType(cast("Any", forward), language_model)


def pack_classified_batches(model: Any, max_length: int, count: Count) -> None:
    """As ``pack_batches``, for a model that gives each row one number, read at the row's last token.

    Args:
        model: one of transformers' models for sequence classification, with an adapter or without.
        max_length: the most tokens of a row.
        count: is told of the tokens of each packed batch.

    Raises:
        SettingsError: the model's layers do not simply attend to all earlier tokens.
    """
    language_model = _without_shell(model)
    attend_within_spans(language_model, max_length)

    @functools.wraps(cast("Any", type(language_model)).forward)  # Trainer reads the signature
    def forward(self: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> Any:
        rows = pack_rows(input_ids, attention_mask)
        _tell(count, rows)
        packed = self.base_model(input_ids=rows.input_ids, position_ids=rows.position_ids, spans=rows.spans)
        ends = torch.stack([place[-1] for place in rows.places]).to(input_ids.device)
        return SequenceClassifierOutputWithPast(logits=self.score(packed.last_hidden_state[0, ends]))

    language_model.forward = MethodType(cast("Any", forward), language_model)


def pack_rows(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> PackedRows:
    """The rows of a padded batch as one, each shared beginning once.

    Args:
        input_ids: (rows, tokens), int64, padded on either side.
        attention_mask: of the same shape; 0 where there is padding.
    """
    device, ids, real = input_ids.device, input_ids.cpu(), attention_mask.cpu().bool()
    rows = [row[kept] for row, kept in zip(ids, real, strict=True)]
    places, spans = _lay_out(rows)
    packed = ids.new_empty(sum(spans.queries))
    positions = torch.empty_like(packed)
    for row, place in zip(rows, places, strict=True):
        packed[place], positions[place] = row, torch.arange(len(row))
    return PackedRows(
        packed[None].to(device),
        positions[None].to(device),
        spans if spans.key_rows is None else replace(spans, key_rows=spans.key_rows.to(device)),
        tuple(places),
    )


def pack_labels(rows: PackedRows, attention_mask: torch.Tensor, labels: torch.Tensor) -> PackedLabels:
    """The labels of a padded batch, for the rows that ``pack_rows`` made of it.

    Args:
        rows: the packed rows.
        attention_mask: that of the batch.
        labels: int64 of the batch's shape; ``IGNORED`` at padding, at each row's first token, and where
            nothing is learned.
    """
    real, learned = attention_mask.cpu().bool(), labels.cpu() != IGNORED
    scored = [which[kept] for which, kept in zip(learned, real, strict=True)]
    sources = [place[:-1][which[1:]] for place, which in zip(rows.places, scored, strict=True)]
    return PackedLabels(torch.cat(sources).to(labels.device), labels[:, 1:][labels[:, 1:] != IGNORED][None])


def _tell(count: Count, rows: PackedRows) -> None:
    if torch.is_grad_enabled():  # not in the pass of a reference
        count(rows.input_ids.shape[1])


def _without_shell(model: Any) -> Any:
    """The model of transformers within PEFT's shell, if there is one."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


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
