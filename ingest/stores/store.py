"""What every store of vectors and BM25 can do, for reading a snapshot and for making the next one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from ingest.embed import Matrix, Vector
from ingest.lexical.bm25 import LexicalReader, LexicalWriter
from ingest.stores.spec import StoreSpec
from ingest.vectors.index import VectorIndex
from ingest.vectors.spec import DenseSpec


class VectorSource(Protocol):
    """Vectors by chunk number, to be read and not searched."""

    def find(self, numbers: Sequence[int]) -> dict[int, Vector]:
        """The vectors of those of ``numbers`` that have one; each of shape (dimension,), float32."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class Indexes(Protocol):
    """Vectors and BM25 of a published snapshot, open for search."""

    @property
    def vectors(self) -> VectorIndex: ...

    @property
    def words(self) -> LexicalReader: ...

    def vector_numbers(self) -> list[int]:
        """The numbers of all chunks with a vector, with repeats where one is held twice."""
        ...

    def cosine_spread(self) -> float:
        """See ``ingest.vectors.cosine_spread``."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class VectorWriter(Protocol):
    """Adds to and deletes from the vectors of a staged snapshot."""

    @property
    def living(self) -> AbstractSet[int]:
        """The numbers that have a vector."""
        ...

    def add(self, numbers: Sequence[int], vectors: Matrix) -> None:
        """Add unit vectors of shape (n, dimension), float32, under n numbers that have none."""
        ...

    def delete(self, numbers: Iterable[int]) -> None:
        """Remove the vectors with these numbers; numbers without a vector are passed over."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """What the manifest says of vectors and BM25; ``engine`` is the one that ranks by words."""

    store: StoreSpec
    dense: DenseSpec
    engine: str


class StagedIndexes(Protocol):
    """Vectors and BM25 of a staged snapshot; no reader sees a change before the snapshot is published."""

    @property
    def vectors(self) -> VectorWriter: ...

    @property
    def words(self) -> LexicalWriter: ...

    def save(self) -> Stored:
        """Write everything, durably but for the files in the snapshot's folder."""
        ...

    def abandon(self) -> None:
        """Drop what was not saved and let go of files and connections; may be called after ``save``."""
        ...
