"""Segments of vectors: files that never change, so that the next snapshot links them and adds its own.

Segments are written anew, as fewer, when they are small beside others or when too much of them is dead; a
large one that is alive stays as it is for good. ``ingest.vectors.files`` lists the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Matrix
from ingest.vectors.files import (
    DELETED,
    NUMBERS,
    VECTORS,
    Numbers,
    corrupt,
    load_array,
    load_numbers,
    segment_names,
)

_SEGMENT_ROWS = 65_536
_MOST_DEAD = 0.25


class DenseWriter:
    """Adds to and deletes from the vectors of a staged snapshot; ``living`` are the numbers it holds."""

    def __init__(self, directory: Path, dimension: int, source: Path | None) -> None:
        self._directory = directory
        self._dimension = dimension
        self._buffered: list[tuple[Numbers, Matrix]] = []
        self._buffered_rows = 0
        self._kept: dict[str, Numbers] = {}
        self._deleted: set[int] = set()
        self.living: set[int] = set()
        directory.mkdir()
        if source is not None:
            self._deleted = set(load_numbers(source / DELETED).tolist())
            for path in source.iterdir():
                if path.name != DELETED:
                    os.link(path, directory / path.name)
            for name in segment_names(directory):
                self._kept[name] = load_numbers(directory / f"{name}{NUMBERS}")
                self.living.update(self._kept[name].tolist())
            self.living -= self._deleted

    def add(self, numbers: Sequence[int], vectors: Matrix) -> None:
        """Add unit vectors of shape (n, dimension), float32, under n numbers that were never used."""
        if len(numbers):
            self._buffer(np.asarray(numbers, dtype=np.int64), vectors)
            self.living.update(numbers)

    def delete(self, numbers: Iterable[int]) -> None:
        """Remove the vectors with these numbers; numbers without a vector are passed over."""
        gone = self.living.intersection(numbers)
        if not gone:
            return
        self.living -= gone
        self._deleted |= gone
        kept = [(n, v, ~np.isin(n, list(gone))) for n, v in self._buffered]
        self._buffered = [(n[living], v[living]) for n, v, living in kept]
        self._buffered_rows = sum(len(numbers) for numbers, _ in self._buffered)

    def save(self) -> None:
        """Write everything; merges the segments that are too small or too dead."""
        self._flush()
        deleted = np.asarray(sorted(self._deleted), dtype=np.int64)
        if worn := self._worn(deleted):
            self._merge(worn, deleted)
        held = np.concatenate([deleted[:0], *self._kept.values()])
        np.save(self._directory / DELETED, deleted[np.isin(deleted, held)])

    def _buffer(self, numbers: Numbers, vectors: Matrix) -> None:
        self._buffered.append((numbers, vectors))
        self._buffered_rows += len(numbers)
        if self._buffered_rows >= _SEGMENT_ROWS:
            self._flush()

    def _flush(self) -> None:
        buffered = [(numbers, vectors) for numbers, vectors in self._buffered if len(numbers)]
        self._buffered, self._buffered_rows = [], 0
        if buffered:
            numbers = np.concatenate([numbers for numbers, _ in buffered])
            self._write(numbers, np.concatenate([vectors for _, vectors in buffered]))

    def _write(self, numbers: Numbers, vectors: Matrix) -> None:
        name = f"{max(map(int, self._kept), default=0) + 1:04}"
        np.save(self._directory / f"{name}{NUMBERS}", numbers)
        np.save(self._directory / f"{name}{VECTORS}", np.ascontiguousarray(vectors, dtype=np.float32))
        self._kept[name] = numbers

    def _worn(self, deleted: Numbers) -> list[str]:
        """The segments to write anew: those that are too dead, and each small one that has no more rows than
        all smaller ones together, with these.

        So the small ones at least double in size from one to the next, which leaves few of them, and a row is
        written a number of times that grows with the logarithm of their size.
        """
        rows = {
            name: int(np.isin(numbers, deleted, invert=True).sum()) for name, numbers in self._kept.items()
        }
        worn = {name for name, living in rows.items() if living < (1 - _MOST_DEAD) * len(self._kept[name])}
        small = sorted(
            (name for name in rows if rows[name] < _SEGMENT_ROWS // 2), key=lambda name: rows[name]
        )
        smaller = 0
        for position, name in enumerate(small):
            if 0 < rows[name] <= smaller:
                worn.update(small[: position + 1])
            smaller += rows[name]
        return sorted(worn)

    def _merge(self, names: Sequence[str], deleted: Numbers) -> None:
        """Write the living rows of these segments anew, a segment at a time."""
        for name in names:
            living = np.isin(self._kept[name], deleted, invert=True)
            rows = _load_vectors(self._directory, name, self._dimension)[living]
            self._buffer(self._kept[name][living], rows)
        self._flush()
        for name in names:
            del self._kept[name]
            for path in list(self._directory.glob(f"{name}.*")):
                path.unlink()


class StackedArrays:
    """Arrays that differ in length alone, read as if one stood on the other."""

    def __init__(self, arrays: Sequence[NDArray[Any]], empty: NDArray[Any]) -> None:
        """``empty`` is such an array without rows: what none at all amount to."""
        self._arrays = arrays
        self._empty = empty
        self._starts = np.cumsum([0, *map(len, arrays)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, places: Numbers) -> NDArray[Any]:
        """The rows at these places, in this order."""
        order = np.argsort(places)
        found = np.empty((len(places), *self._empty.shape[1:]), dtype=self._empty.dtype)
        found[order] = self.take_ascending(places[order])
        return found

    def take_ascending(self, places: Numbers) -> NDArray[Any]:
        """The rows at these places, which ascend: half the time of ``take``."""
        found = np.empty((len(places), *self._empty.shape[1:]), dtype=self._empty.dtype)
        bounds = np.searchsorted(places, self._starts)
        for array, start, first, last in zip(self._arrays, self._starts, bounds, bounds[1:], strict=False):
            if first < last:
                # With a mode that cannot raise, NumPy writes into ``out`` without a copy of its own.
                np.take(array, places[first:last] - start, axis=0, out=found[first:last], mode="clip")
        return found


class SegmentReader:
    """The living rows of all segments, in the order of their ``numbers``; only these are in memory.

    ``places`` says where each row stands if the segments were stacked one on the other.
    """

    def __init__(self, directory: Path, dimension: int) -> None:
        """
        Raises:
            SnapshotCorruptError: a file cannot be read, or is something else.
        """
        self._directory = directory
        self.dimension = dimension
        self._names = segment_names(directory)
        held = [load_numbers(directory / f"{name}{NUMBERS}") for name in self._names]
        self._lengths = [len(numbers) for numbers in held]
        stacked = np.concatenate([np.empty(0, dtype=np.int64), *held])
        places = np.flatnonzero(np.isin(stacked, load_numbers(directory / DELETED), invert=True))
        self.places: Numbers = places[np.argsort(stacked[places], kind="stable")]
        self.numbers: Numbers = stacked[self.places]
        self._vectors = self.stacked(VECTORS, np.empty((0, dimension), dtype=np.float32))

    def stacked(self, suffix: str, empty: NDArray[Any]) -> StackedArrays:
        """What the segments keep in the files of this suffix; ``empty`` is such an array without rows.

        Raises:
            SnapshotCorruptError: a file cannot be read, or is something else.
        """
        arrays = [
            load_array(self._directory / f"{name}{suffix}", empty.dtype.type, (length, *empty.shape[1:]))
            for name, length in zip(self._names, self._lengths, strict=True)
        ]
        return StackedArrays(arrays, empty)

    def rows_of(self, numbers: Numbers) -> Numbers:
        """The rows with these numbers, ascending; numbers without one are passed over."""
        wanted = np.unique(numbers)
        rows = np.searchsorted(self.numbers, wanted)
        rows = rows[rows < len(self.numbers)]
        return rows[self.numbers[rows] == wanted[: len(rows)]]

    def __contains__(self, number: int) -> bool:
        return len(self.rows_of(np.asarray([number], dtype=np.int64))) > 0

    def vectors(self, numbers: Sequence[int] | Numbers) -> Matrix:
        """The vectors of ``numbers``, all of them living; shape (len(numbers), dimension), float32."""
        rows = np.searchsorted(self.numbers, np.asarray(numbers, dtype=np.int64))
        return self._vectors.take(self.places[rows])


def read_segments(directory: Path, dimension: int) -> Iterator[tuple[Numbers, Matrix]]:
    """The living numbers and vectors of each segment.

    Raises:
        SnapshotCorruptError: a file cannot be read, or the two of a segment do not fit.
    """
    deleted = load_numbers(directory / DELETED)
    for name in segment_names(directory):
        numbers = load_numbers(directory / f"{name}{NUMBERS}")
        vectors = _load_vectors(directory, name, dimension)
        if len(numbers) != len(vectors):
            raise corrupt(directory / name, f"{len(numbers)} numbers for {len(vectors)} vectors")
        living = np.isin(numbers, deleted, invert=True)
        yield (numbers, vectors) if living.all() else (numbers[living], vectors[living])


def vector_numbers(directory: Path) -> list[int]:
    """The living numbers of all segments, with repeats where a number is held twice."""
    deleted = load_numbers(directory / DELETED)
    held = [load_numbers(directory / f"{name}{NUMBERS}") for name in segment_names(directory)]
    return [number for numbers in held for number in numbers[~np.isin(numbers, deleted)].tolist()]


def _load_vectors(directory: Path, name: str, dimension: int) -> Matrix:
    return load_array(directory / f"{name}{VECTORS}", np.float32, (None, dimension))
