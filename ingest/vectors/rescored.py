"""Search in two steps: a quick scan names candidates, and these are scored with 8 bits a number.

A scan that cannot pass over rows by itself is not asked to: under a filter that hides few, as many more
candidates are taken; where few remain, all of them are scored; else a scan is made of those that remain.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Matrix, Vector
from ingest.vectors.faiss import use_threads
from ingest.vectors.files import BYTES, SCALES, VECTORS, Numbers, load_array, segment_names
from ingest.vectors.index import DenseFilter
from ingest.vectors.segments import SegmentReader

RESULTS = 10
"""The depth that the candidates of ``DenseSpec`` are meant for."""

_CANDIDATES_PER_RESULT = 4
"""Twice as many take half the time again and find .997 of the hundred nearest of 100,000 chunks where these
find .991; the ten best of hybrid searches stay the same ten, and nDCG@10 on four labelled sets the same."""
_FEW = 2_000
_SCORED_AT_ONCE = 8_192


class Scan(Protocol):
    """Names rows that are likely near to a query."""

    def candidates(self, query: Vector, count: int) -> Numbers:
        """At most ``count`` rows, best first."""
        ...

    def within(self, rows: Numbers) -> Scan:
        """A scan of these rows alone, ascending; it names them by the same numbers."""
        ...


class RescoredIndex:
    """Candidates from a scan, scored again; the 8-bit rows stay on disk, memory-mapped."""

    def __init__(self, segments: SegmentReader, scan: Scan, candidates: int) -> None:
        """``candidates`` are scored again for ``RESULTS`` results.

        Raises:
            SnapshotCorruptError: the 8-bit rows are not those of these segments.
        """
        self.dimension = segments.dimension
        self._segments = segments
        self._scan = scan
        self._candidates = candidates
        self._bytes = segments.stacked(BYTES, np.empty((0, segments.dimension), dtype=np.int8))
        self._scales = segments.stacked(SCALES, np.empty(0, dtype=np.float32))

    def __len__(self) -> int:
        return len(self._segments.numbers)

    def search(
        self, query: Vector, depth: int, visible: DenseFilter | None = None
    ) -> list[tuple[int, float]]:
        """See ``VectorIndex``."""
        use_threads(1)
        rows = self._likely(query, depth, visible)
        scores = self._cosines(rows, query)
        best = np.argsort(-scores, kind="stable")[:depth]
        return list(zip(self._segments.numbers[rows[best]].tolist(), scores[best].tolist(), strict=True))

    def hiding(self, numbers: AbstractSet[int]) -> DenseFilter:
        """See ``VectorIndex``."""
        mask = np.ones(len(self), dtype=np.bool_)
        mask[self._segments.rows_of(np.asarray(list(numbers), dtype=np.int64))] = False
        return self._filter(mask)

    def only(self, numbers: Numbers) -> DenseFilter:
        """See ``VectorIndex``."""
        mask = np.zeros(len(self), dtype=np.bool_)
        mask[self._segments.rows_of(numbers)] = True
        return self._filter(mask)

    def _filter(self, mask: NDArray[np.bool_]) -> DenseFilter:
        rows = np.flatnonzero(mask)
        is_simple = len(rows) <= _FEW or len(mask) - len(rows) <= _FEW
        return DenseFilter(mask, rows, None if is_simple else self._scan.within(rows))

    def _likely(self, query: Vector, depth: int, visible: DenseFilter | None) -> Numbers:
        """The rows to score: at least ``depth`` where so many are visible."""
        count = max(self._candidates, _CANDIDATES_PER_RESULT * depth)
        seen = len(self) if visible is None else len(visible.rows)
        found: Numbers | None = None
        if seen > max(count, _FEW):
            found = self._scanned(query, count, visible)
        if found is None or len(found) < depth:
            found = np.arange(len(self)) if visible is None else visible.rows
        return found

    def _scanned(self, query: Vector, count: int, visible: DenseFilter | None) -> Numbers:
        if visible is None:
            return self._scan.candidates(query, count)
        if visible.engine is not None:
            return visible.engine.candidates(query, count)
        found = self._scan.candidates(query, count + visible.hidden)
        return found[visible.mask[found]][:count]

    def _cosines(self, rows: Numbers, query: Vector) -> NDArray[np.float32]:
        scores = np.empty(len(rows), dtype=np.float32)
        places = self._segments.places[rows]
        order = np.argsort(places)
        for first in range(0, len(rows), _SCORED_AT_ONCE):
            part = order[first : first + _SCORED_AT_ONCE]
            ascending = places[part]
            vectors = self._bytes.take_ascending(ascending).astype(np.float32)
            scores[part] = vectors @ query * self._scales.take_ascending(ascending)
        return scores


def write_bytes(directory: Path, dimension: int) -> None:
    """Write the 8-bit rows of the segments that have none yet: each vector divided by its own scale."""
    for name in segment_names(directory):
        if not (directory / f"{name}{SCALES}").exists():
            vectors = load_array(directory / f"{name}{VECTORS}", np.float32, (None, dimension))
            rows, scales = _to_bytes(vectors)
            np.save(directory / f"{name}{BYTES}", rows)
            np.save(directory / f"{name}{SCALES}", scales)


def _to_bytes(vectors: Matrix) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    largest = np.abs(vectors).max(axis=1, initial=np.finfo(np.float32).tiny)
    scales = (largest / 127).astype(np.float32)
    return np.rint(vectors / scales[:, np.newaxis]).astype(np.int8), scales
