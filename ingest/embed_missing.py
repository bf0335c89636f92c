"""Give a vector to every chunk of a staged snapshot that has none, in batches across documents.

Chunks are taken in windows and sorted by length within each, so that little of a batch is padding and the
memory stays flat. Each batch is kept as unfinished work, so that an interrupted run goes on behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from ingest.chunk import Chunker
from ingest.embed import Embedder
from ingest.known_vectors import KnownVectors
from ingest.staging import StagedSnapshot
from ingest.unfinished import UnfinishedWork

_WINDOW = 2048
_KEPT_AT_ONCE = 64


class EmbeddingProgress(Protocol):
    """Told of the chunks that are to get a vector, and of those that got one."""

    def embedding(self, chunks: int) -> None: ...

    def embedded(self, chunks: int) -> None: ...


def embed_missing(
    staged: StagedSnapshot,
    known: KnownVectors,
    unfinished: UnfinishedWork,
    load: Callable[[], tuple[Embedder, Chunker]],
    progress: EmbeddingProgress,
) -> None:
    """Add vectors until none is missing; the embedder is loaded if one has to be computed."""
    numbers = staged.unembedded()
    progress.embedding(len(numbers))
    for start in range(0, len(numbers), _WINDOW):
        missing = _take_known(staged, known, numbers[start : start + _WINDOW], progress)
        for batch in _batches(staged, missing, load) if missing else ():
            keys = [key for key, _ in batch]
            vectors = load()[0].embed_passages([text for _, text in batch])
            unfinished.keep_vectors(zip(keys, vectors, strict=True))
            for key, vector in zip(keys, vectors, strict=True):
                twins = missing[key]
                staged.add_vectors(twins, np.tile(vector, (len(twins), 1)))
                progress.embedded(len(twins))


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
    staged: StagedSnapshot, missing: dict[bytes, list[int]], load: Callable[[], tuple[Embedder, Chunker]]
) -> Iterator[list[tuple[bytes, str]]]:
    """The texts to embed with what tells them, the longest first."""
    chunks = staged.documents.chunks_by_number([twins[0] for twins in missing.values()])
    named = staged.documents.named_by_file(chunk.document_id for chunk in chunks)
    chunker = load()[1]
    texts = [
        (key, chunker.embedding_text(chunk, named[chunk.document_id]))
        for key, chunk in zip(missing, chunks, strict=True)
    ]
    texts.sort(key=lambda pair: len(pair[1]), reverse=True)
    for start in range(0, len(texts), _KEPT_AT_ONCE):
        yield texts[start : start + _KEPT_AT_ONCE]
