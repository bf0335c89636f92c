"""Vectors on disk: segments that never change, and the numbers among them that are no more.

::

    vectors/
        0001.numbers.npy    int64, shape (n,): the chunk of each row
        0001.vectors.npy    float32, shape (n, dimension): unit vectors
        deleted.npy         int64: numbers of the segments above that are gone

A new snapshot links the segments of the one before it and adds its own. When there are too many, or too
much of them is dead, the living rows are written anew as one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Matrix
from ingest.errors import SnapshotCorruptError

Numbers = NDArray[np.int64]

_NUMBERS, _VECTORS, _DELETED = ".numbers.npy", ".vectors.npy", "deleted.npy"
_SEGMENT_ROWS = 65_536
_MOST_SEGMENTS = 12
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
            self._deleted = set(_load(source / _DELETED).tolist())
            for name in _segment_names(source):
                for suffix in (_NUMBERS, _VECTORS):
                    os.link(source / f"{name}{suffix}", directory / f"{name}{suffix}")
                self._kept[name] = _load(directory / f"{name}{_NUMBERS}")
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
        """Write everything; merges the segments where they are too many or too dead."""
        self._flush()
        written = sum(map(len, self._kept.values()))
        dead = sum(int(np.isin(numbers, list(self._deleted)).sum()) for numbers in self._kept.values())
        if len(self._kept) > _MOST_SEGMENTS or dead > _MOST_DEAD * max(written, 1):
            self._merge()
        held = {number for numbers in self._kept.values() for number in numbers.tolist()}
        np.save(self._directory / _DELETED, np.asarray(sorted(self._deleted & held), dtype=np.int64))

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
        np.save(self._directory / f"{name}{_NUMBERS}", numbers)
        np.save(self._directory / f"{name}{_VECTORS}", np.ascontiguousarray(vectors, dtype=np.float32))
        self._kept[name] = numbers

    def _merge(self) -> None:
        """Write the living rows anew, a segment at a time: each new one holds the rows of some old ones."""
        old = list(self._kept)
        for name in old:
            living = ~np.isin(self._kept[name], list(self._deleted))
            rows = _load_vectors(self._directory / f"{name}{_VECTORS}", self._dimension)[living]
            self._buffer(self._kept[name][living], np.asarray(rows))
        self._flush()
        for name in old:
            del self._kept[name]
            for suffix in (_NUMBERS, _VECTORS):
                (self._directory / f"{name}{suffix}").unlink()


class SegmentReader:
    """Looks up single vectors of a published snapshot; ``living`` are the numbers it holds."""

    def __init__(self, directory: Path, dimension: int) -> None:
        self._directory = directory
        self._dimension = dimension
        self._numbers = {name: _load(directory / f"{name}{_NUMBERS}") for name in _segment_names(directory)}
        self._orders = {name: np.argsort(numbers) for name, numbers in self._numbers.items()}
        self.living = set(vector_numbers(directory))

    def vectors(self, numbers: Sequence[int]) -> Matrix:
        """The vectors of ``numbers``, all of them living; shape (len(numbers), dimension), float32."""
        found = np.empty((len(numbers), self._dimension), dtype=np.float32)
        wanted = np.asarray(numbers, dtype=np.int64)
        for name, held in self._numbers.items():
            if len(held):
                order = self._orders[name]
                rows = order[np.minimum(np.searchsorted(held, wanted, sorter=order), len(held) - 1)]
                here = np.flatnonzero(held[rows] == wanted)
                found[here] = _load_vectors(self._directory / f"{name}{_VECTORS}", self._dimension)[
                    rows[here]
                ]
        return found


def read_segments(directory: Path, dimension: int) -> Iterator[tuple[Numbers, Matrix]]:
    """The living numbers and vectors of each segment.

    Raises:
        SnapshotCorruptError: a file cannot be read, or the two of a segment do not fit.
    """
    deleted = _load(directory / _DELETED)
    for name in _segment_names(directory):
        numbers = _load(directory / f"{name}{_NUMBERS}")
        vectors = _load_vectors(directory / f"{name}{_VECTORS}", dimension)
        if len(numbers) != len(vectors):
            raise _corrupt(directory / name, f"{len(numbers)} numbers for {len(vectors)} vectors")
        living = ~np.isin(numbers, deleted)
        yield (numbers, vectors) if living.all() else (numbers[living], vectors[living])


def vector_numbers(directory: Path) -> list[int]:
    """The living numbers of all segments, with repeats where a number is held twice."""
    deleted = _load(directory / _DELETED)
    held = [_load(directory / f"{name}{_NUMBERS}") for name in _segment_names(directory)]
    return [number for numbers in held for number in numbers[~np.isin(numbers, deleted)].tolist()]


def _segment_names(directory: Path) -> list[str]:
    return sorted(path.name.removesuffix(_NUMBERS) for path in directory.glob(f"*{_NUMBERS}"))


def _load(path: Path) -> Numbers:
    numbers = _read(path)
    if numbers.dtype != np.int64 or numbers.ndim != 1:
        raise _corrupt(path, f"{numbers.dtype} of shape {numbers.shape}")
    return cast("Numbers", numbers)


def _load_vectors(path: Path, dimension: int) -> Matrix:
    vectors = _read(path, memory_mapped=True)
    if vectors.dtype != np.float32 or vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise _corrupt(path, f"{vectors.dtype} of shape {vectors.shape}, expected (n, {dimension})")
    return cast("Matrix", vectors)


def _read(path: Path, *, memory_mapped: bool = False) -> NDArray[np.generic]:
    try:
        return np.load(path, mmap_mode="r" if memory_mapped else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _corrupt(path, str(error)) from error


def _corrupt(path: Path, reason: str) -> SnapshotCorruptError:
    return SnapshotCorruptError(
        f"the vectors in {path} cannot be used ({reason}): run `troika collections verify --repair`."
    )
