"""Vectors, searched exactly by FAISS: inner product of unit vectors, so the score is the cosine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import faiss
import numpy as np

from ingest.embed import Matrix, Vector
from ingest.errors import SnapshotCorruptError


class DenseIndex:
    """Vectors by chunk number, exact search. Reading is safe from several threads; writing is not."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def empty(cls, dimension: int) -> DenseIndex:
        """An index without vectors."""
        return cls(faiss.IndexIDMap2(faiss.IndexFlatIP(dimension)))

    @classmethod
    def open(cls, path: Path) -> DenseIndex:
        """Load an index from ``path``.

        Raises:
            SnapshotCorruptError: the file is not an index.
        """
        try:
            return cls(cast("Any", faiss).read_index(str(path)))
        except (RuntimeError, MemoryError) as error:
            raise SnapshotCorruptError(
                f"the vectors cannot be read ({error}): restore {path} or ingest into another collection."
            ) from error

    def save(self, path: Path) -> None:
        """Write the index to ``path``."""
        cast("Any", faiss).write_index(self._index, str(path))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def add(self, numbers: Sequence[int], vectors: Matrix) -> None:
        """Add unit vectors of shape (n, dimension), float32, under n numbers."""
        self._index.add_with_ids(np.ascontiguousarray(vectors), np.asarray(numbers, dtype=np.int64))

    def delete(self, numbers: Sequence[int]) -> None:
        """Remove the vectors with these numbers."""
        if numbers:
            self._index.remove_ids(np.asarray(numbers, dtype=np.int64))

    def search(self, query: Vector, depth: int) -> list[tuple[int, float]]:
        """The ``depth`` nearest chunk numbers with their cosines, best first."""
        scores, numbers = self._index.search(query[np.newaxis, :], min(depth, max(1, len(self))))
        pairs = zip(numbers[0].tolist(), scores[0].tolist(), strict=True)
        return [(number, score) for number, score in pairs if number >= 0]

    def numbers(self) -> set[int]:
        """The numbers of all vectors."""
        return set(cast("Any", faiss).vector_to_array(self._index.id_map).tolist())


def use_one_thread() -> None:
    """Search on the calling thread alone: on small indexes a team of threads costs more than it brings."""
    cast("Any", faiss).omp_set_num_threads(1)
