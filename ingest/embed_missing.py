"""Give a vector to every chunk of a staged snapshot that has none, in batches across documents.

Chunks are taken in windows and sorted by length within each, so that little of a batch is padding and the
memory stays flat. Each batch is kept as unfinished work, so that an interrupted run goes on behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ingest.chunking.chunk import Chunker
from ingest.embed import Embedder, Matrix
from ingest.snapshots.staging import StagedSnapshot
from ingest.snapshots.unfinished import UnfinishedWork
from ingest.vectors.known import KnownVectors

_WINDOW = 2048
_KEPT_AT_ONCE = 64

EmbedBatches = Callable[[Callable[[], Embedder], Iterable[Sequence[str]]], Iterator[Matrix]]
"""Gives the vectors of each batch of texts, in order, as the embedder would that its first argument loads."""


class EmbeddingProgress(Protocol):
    """Told of the chunks that are to get a vector, and of those that got one."""

    def embedding(self, chunks: int) -> None: ...

    def embedded(self, chunks: int) -> None: ...


class _Unwatched:
    """Progress of what takes no time."""

    def embedding(self, chunks: int) -> None:
        """Ignore the number of chunks."""

    def embedded(self, chunks: int) -> None:
        """Ignore vectors."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Texts to embed; ``numbers`` are the chunks that have each, ``keys`` tell it."""

    keys: list[bytes]
    numbers: list[list[int]]
    texts: list[str]


def embed_here(load: Callable[[], Embedder], batches: Iterable[Sequence[str]]) -> Iterator[Matrix]:
    """The vectors of each batch, computed by this process when they are asked for."""
    return (load().embed_passages(texts) for texts in batches)


def embed_missing(
    staged: StagedSnapshot,
    known: KnownVectors,
    unfinished: UnfinishedWork,
    load: Callable[[], tuple[Embedder, Chunker]],
    progress: EmbeddingProgress,
    embed: EmbedBatches = embed_here,
) -> None:
    """Add vectors until none is missing; the embedder is loaded if one has to be computed."""
    under_way: deque[_Batch] = deque()

    def texts() -> Iterator[list[str]]:
        for batch in _batches(staged, known, load, progress):
            under_way.append(batch)
            yield batch.texts

    for vectors in embed(lambda: load()[0], texts()):
        batch = under_way.popleft()
        unfinished.keep_vectors(zip(batch.keys, vectors, strict=True))
        # Chunks with the very same text to embed share its vector.
        repeated = np.repeat(vectors, [len(same) for same in batch.numbers], axis=0)
        staged.add_vectors([number for same in batch.numbers for number in same], repeated)
        progress.embedded(len(repeated))


def reuse_known(staged: StagedSnapshot, known: KnownVectors) -> None:
    """Add the vectors that exist already, and compute none."""
    numbers = staged.unembedded()
    for start in range(0, len(numbers), _WINDOW):
        _take_known(staged, known, numbers[start : start + _WINDOW], _Unwatched())


def _take_known(
    staged: StagedSnapshot, known: KnownVectors, numbers: Sequence[int], progress: EmbeddingProgress
) -> dict[bytes, list[int]]:
    """Add the vectors that exist already; the chunks that are left, by what tells their text."""
    keys = staged.documents.vector_keys(numbers)
    found = known.find(list(keys.values()))
    ready = [number for number in numbers if keys[number] in found]
    if ready:
        staged.add_vectors(ready, np.stack([found[keys[number]] for number in ready]))
        progress.embedded(len(ready))
    missing: dict[bytes, list[int]] = {}
    for number in numbers:
        if keys[number] not in found:
            missing.setdefault(keys[number], []).append(number)
    return missing


def _batches(
    staged: StagedSnapshot,
    known: KnownVectors,
    load: Callable[[], tuple[Embedder, Chunker]],
    progress: EmbeddingProgress,
) -> Iterator[_Batch]:
    """What has to be embedded, window by window, the longest texts of each first."""
    numbers = staged.unembedded()
    progress.embedding(len(numbers))
    for start in range(0, len(numbers), _WINDOW):
        missing = _take_known(staged, known, numbers[start : start + _WINDOW], progress)
        texts = _texts(staged, missing, load()[1]) if missing else []
        for first in range(0, len(texts), _KEPT_AT_ONCE):
            batch = texts[first : first + _KEPT_AT_ONCE]
            yield _Batch(
                [key for key, _ in batch], [missing[key] for key, _ in batch], [text for _, text in batch]
            )


def _texts(
    staged: StagedSnapshot, missing: dict[bytes, list[int]], chunker: Chunker
) -> list[tuple[bytes, str]]:
    """The texts to embed with what tells them, the longest first."""
    chunks = staged.documents.chunks_by_number([twins[0] for twins in missing.values()])
    named = staged.documents.named_by_file(chunk.document_id for chunk in chunks)
    texts = [
        (key, chunker.embedding_text(chunk, named[chunk.document_id]))
        for key, chunk in zip(missing, chunks, strict=True)
    ]
    texts.sort(key=lambda pair: len(pair[1]), reverse=True)
    return texts
