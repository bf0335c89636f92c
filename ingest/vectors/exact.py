"""Exact search: the inner product with every vector, which is the cosine as these are of unit length."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Vector
from ingest.vectors.faiss import faiss, selector, use_threads
from ingest.vectors.files import Numbers
from ingest.vectors.index import DenseFilter
from ingest.vectors.segments import read_segments


class ExactIndex:
    """All vectors in memory, as float32."""

    def __init__(self, directory: Path, dimension: int) -> None:
        """Load the vectors kept in ``directory``.

        Raises:
            SnapshotCorruptError: the files are no vectors, or not of this dimension.
        """
        self._index = faiss.IndexFlatIP(dimension)
        held = [np.empty(0, dtype=np.int64)]
        for numbers, vectors in read_segments(directory, dimension):
            self._index.add(np.ascontiguousarray(vectors))
            held.append(numbers)
        self._numbers = np.concatenate(held)

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def search(
        self, query: Vector, depth: int, visible: DenseFilter | None = None
    ) -> list[tuple[int, float]]:
        """See ``VectorIndex``."""
        use_threads(1)
        parameters = faiss.SearchParameters(sel=visible.engine) if visible else None
        scores, rows = self._index.search(
            query[np.newaxis, :], min(depth, max(1, len(self))), params=parameters
        )
        found = rows[0] >= 0
        return list(zip(self._numbers[rows[0][found]].tolist(), scores[0][found].tolist(), strict=True))

    def hiding(self, numbers: AbstractSet[int]) -> DenseFilter:
        """See ``VectorIndex``."""
        return self._filter(np.isin(self._numbers, list(numbers), invert=True))

    def only(self, numbers: Numbers) -> DenseFilter:
        """See ``VectorIndex``."""
        return self._filter(np.isin(self._numbers, numbers))

    def _filter(self, mask: NDArray[np.bool_]) -> DenseFilter:
        return DenseFilter(mask, np.flatnonzero(mask), selector(mask))
