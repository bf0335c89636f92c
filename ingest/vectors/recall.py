"""How much of what an exact search finds an index finds, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Matrix
from ingest.vectors.faiss import faiss
from ingest.vectors.files import Numbers
from ingest.vectors.index import VectorIndex
from ingest.vectors.segments import SegmentReader, read_segments

_TIE = 1e-6


class RecallSample:
    """Queries with the cosine that a result must reach to be among the best ``depth``.

    The collection's own vectors stand in for queries, each with itself left out: real ones are not known when
    an index is built. A result that is as near as the last of the best counts as one of them, so that chunks
    with the same text can stand for each other.
    """

    def __init__(self, directory: Path, segments: SegmentReader, numbers: Numbers, depth: int) -> None:
        """Search for the vectors of ``numbers`` in all segments, exactly."""
        self._segments = segments
        self._numbers = numbers
        self._depth = depth
        self._queries: Matrix = segments.vectors(numbers)
        best = np.full((len(numbers), depth + 1), -np.inf, dtype=np.float32)
        for held, vectors in read_segments(directory, segments.dimension):
            count = min(depth + 1, len(held))
            if count:
                scores, _ = faiss.knn(self._queries, vectors, count, faiss.METRIC_INNER_PRODUCT)
                best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, : depth + 1]
        self._reached: NDArray[np.float32] = best[:, -1] - _TIE

    def recall(self, index: VectorIndex) -> float:
        """The mean share of the best ``depth`` that ``index`` finds, from 0 to 1."""
        found = 0
        for number, query, reached in zip(self._numbers.tolist(), self._queries, self._reached, strict=True):
            others = [hit for hit, _ in index.search(query, self._depth + 1) if hit != number]
            cosines = self._segments.vectors(others[: self._depth]) @ query
            found += int((cosines >= reached).sum())
        return found / max(1, self._depth * len(self._numbers))
