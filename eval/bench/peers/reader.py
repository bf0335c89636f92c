"""What a peer of ingest is to the benchmark: a library that turns PDFs into pieces of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from eval.bench.time_spent import TimeSpent

Read = Callable[[Sequence[Path]], Iterator[str]]
"""The texts of the pieces that files are read into."""


class Reader(StrEnum):
    """The peers of ingest by name."""

    PYPDF = "pypdf"
    UNSTRUCTURED = "unstructured"
    LLAMA_INDEX = "llama-index"


@dataclass(frozen=True, slots=True)
class ReaderRun:
    """What it took to read some files, and how much text they gave."""

    spent: TimeSpent
    characters: int
