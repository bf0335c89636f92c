"""Vectors, searched exactly by FAISS: inner product of unit vectors, so the score is the cosine.

A snapshot keeps them in segments that never change, so that the next snapshot links them and writes only
what is new (see ``ingest.dense_segments``). A reader puts the living rows of all segments into one index.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import faiss
import numpy as np
from numpy.typing import NDArray

from ingest.dense_segments import read_segments
from ingest.embed import Matrix, Vector


class DenseIndex:
    """Vectors by chunk number, exact search. Reading is safe from several threads."""

    def __init__(self, dimension: int) -> None:
        self._index = cast("Any", faiss).IndexFlatIP(dimension)
        self._numbers: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    @classmethod
    def open(cls, directory: Path, dimension: int) -> DenseIndex:
        """Load the vectors kept in ``directory``.

        Raises:
            SnapshotCorruptError: the files are no vectors, or not of this dimension.
        """
        index = cls(dimension)
        for numbers, vectors in read_segments(directory, dimension):
            index.add(numbers, vectors)
        return index

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def add(self, numbers: Sequence[int] | NDArray[np.int64], vectors: Matrix) -> None:
        """Add unit vectors of shape (n, dimension), float32, under n numbers."""
        self._index.add(np.ascontiguousarray(vectors))
        self._numbers = np.concatenate([self._numbers, np.asarray(numbers, dtype=np.int64)])

    def hiding(self, numbers: AbstractSet[int]) -> DenseFilter:
        """What lets ``search`` pass over the chunks with these numbers."""
        rows = np.flatnonzero(np.isin(self._numbers, list(numbers)))
        hidden = cast("Any", faiss).IDSelectorBatch(rows.astype(np.int64))
        return DenseFilter(hidden, cast("Any", faiss).IDSelectorNot(hidden))

    def search(
        self, query: Vector, depth: int, visible: DenseFilter | None = None
    ) -> list[tuple[int, float]]:
        """The ``depth`` nearest chunk numbers with their cosines, best first; hidden ones are left out."""
        parameters = cast("Any", faiss).SearchParameters(sel=visible.selector) if visible else None
        scores, rows = self._index.search(
            query[np.newaxis, :], min(depth, max(1, len(self))), params=parameters
        )
        found = rows[0] >= 0
        return list(zip(self._numbers[rows[0][found]].tolist(), scores[0][found].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class DenseFilter:
    """A selector of FAISS with the one it refers to, which must live as long."""

    hidden: Any
    selector: Any


def use_one_thread() -> None:
    """Search on the calling thread alone: on small indexes a team of threads costs more than it brings."""
    cast("Any", faiss).omp_set_num_threads(1)
