"""The rows that an embedder or a reranker is trained on: the very texts that the served model reads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from finetune.encoders.labels import Label
from ingest.document import Chunk
from ingest.snapshots.durable import replace_text


@dataclass(frozen=True, slots=True)
class EncoderRow:
    """A question, a passage that answers it, and others that do not; as many in all rows of a file."""

    question: str
    answer: str
    others: tuple[str, ...]


def render_rows(
    labels: Sequence[Label], question_text: Callable[[str], str], passage_text: Callable[[Chunk], str]
) -> tuple[EncoderRow, ...]:
    """The labels in the words that the model reads when it serves."""
    return tuple(
        EncoderRow(
            question_text(label.question),
            passage_text(label.answer),
            tuple(map(passage_text, label.others)),
        )
        for label in labels
    )


def write_rows(path: Path, rows: Sequence[EncoderRow]) -> None:
    """Write ``path`` as JSON Lines, whole or not at all."""
    replace_text(path, _lines(rows).decode())


def read_rows(path: Path) -> tuple[EncoderRow, ...]:
    """What ``write_rows`` wrote."""
    return tuple(msgspec.json.decode(line, type=EncoderRow) for line in path.read_bytes().splitlines())


def rows_sha256(rows: Sequence[EncoderRow]) -> str:
    """The identity of a data set: its rows, in their order."""
    return hashlib.sha256(_lines(rows)).hexdigest()


def _lines(rows: Sequence[EncoderRow]) -> bytes:
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
