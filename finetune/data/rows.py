"""The kinds of training data: what one row of each holds.

Every row carries the rendered messages and what it was made with, so that data for another prompt can be
refused before an hour is spent on it. ``prompt_id`` is None for rows that were never rendered with the
service's prompt (general data brought in from elsewhere). The JSON Lines form is in ``row_files``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from service.generate import Message


class ExampleKind(StrEnum):
    """What an example teaches."""

    GOLD = "gold"
    """Answer from the passage that holds the answer, among distractors."""
    REFUSAL = "refusal"
    """Say that the sources don't tell: the answer is in none of them."""
    REPLAY = "replay"
    """Keep what the model could do before: general instructions without passages."""


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """A prompt, exactly as the server renders it, and the answer to learn.

    ``sources`` are the texts of its passages, in the order of their markers, and ``documents`` the titles
    or addresses of the documents that they are from. ``answers`` are the accepted short answers, by which
    a sampled answer can be verified; empty for a refusal. ``snapshot_id`` names the index that the passages
    came from; None when they came with the question. ``dataset_sha256`` is of the questions file.
    """

    id: str
    messages: tuple[Message, ...]
    sources: tuple[str, ...]
    target: str
    kind: ExampleKind
    language: str
    prompt_id: str | None
    snapshot_id: str | None
    dataset_sha256: str
    answers: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """A prompt with a better and a worse answer. ``reason`` says what is wrong with the worse one."""

    id: str
    messages: tuple[Message, ...]
    chosen: str
    rejected: str
    reason: str
    language: str
    prompt_id: str | None
    dataset_sha256: str


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """A prompt with one answer that was judged by itself: a thumb up or down."""

    id: str
    messages: tuple[Message, ...]
    answer: str
    good: bool
    language: str
    prompt_id: str | None
    dataset_sha256: str


@dataclass(frozen=True, slots=True)
class RankedAnswers:
    """A prompt with several answers, the best first.

    ``ranks`` counts from 0, as long as ``answers`` and never falling; equal ranks are ties.
    """

    id: str
    messages: tuple[Message, ...]
    answers: tuple[str, ...]
    ranks: tuple[int, ...]
    language: str
    prompt_id: str | None
    dataset_sha256: str


Row = TrainingExample | PreferencePair | JudgedAnswer | RankedAnswers


def learned_answer(row: Row) -> str:
    """The answer that a row is for: the best one; of an answer judged bad, that answer."""
    match row:
        case TrainingExample():
            return row.target
        case PreferencePair():
            return row.chosen
        case JudgedAnswer():
            return row.answer
        case RankedAnswers():
            return row.answers[0]


def row_line(row: Row) -> str:
    """One row as a line of JSON, without its end."""
    return json.dumps(asdict(row), ensure_ascii=False)


def rows_sha256(rows: Sequence[Row]) -> str:
    """The identity of a data set: its rows, in their order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(asdict(row), ensure_ascii=False, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()
