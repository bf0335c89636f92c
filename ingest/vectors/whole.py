"""IVF and HNSW as FAISS has them: one file for all vectors, read memory-mapped, written whole.

An ingest that changes one chunk writes the file anew; codes in segments (``ingest.vectors.codes``) do not,
and are the default for that. Vectors that went stay in it, passed over, until it is trained again.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.choices import DenseKind
from ingest.embed import Matrix, Vector
from ingest.vectors.codes import Codebook
from ingest.vectors.faiss import faiss, nearest_rows, selector
from ingest.vectors.files import WHOLE, WHOLE_NUMBERS, Numbers, corrupt, load_numbers
from ingest.vectors.segments import SegmentReader, read_segments

_LINKS = 24
_LEAST_SEARCHED = 128
_SHARE_PROBED = 0.1
_BLOCK_ROWS = 32


def train_whole(kind: DenseKind, sample: Matrix, rows: int) -> tuple[Any, dict[str, int]]:
    """An empty index for about so many rows, trained on vectors, with its parameters."""
    dimension = sample.shape[1]
    if kind is DenseKind.HNSW:
        index = faiss.IndexHNSWSQ(
            dimension, faiss.ScalarQuantizer.QT_8bit, _LINKS, faiss.METRIC_INNER_PRODUCT
        )
        parameters = {"links": _LINKS}
    else:
        lists = max(1, min(int(4 * math.sqrt(rows)), len(sample) // 40))
        index = faiss.IndexIVFPQFastScan(
            faiss.IndexFlatIP(dimension), dimension, lists, Codebook(dimension).subspaces, 4,
            faiss.METRIC_INNER_PRODUCT, _BLOCK_ROWS, True,
        )  # fmt: skip
        index.nprobe = math.ceil(_SHARE_PROBED * lists)
        parameters = {"lists": lists, "probes": index.nprobe}
    index.train(np.ascontiguousarray(sample))
    return index, parameters


def write_whole(directory: Path, dimension: int, index: Any | None) -> None:
    """Add the vectors that it lacks to the index in ``directory``, or to another that takes its place."""
    grown: Any = _read(directory, memory_mapped=False) if index is None else index
    held = load_numbers(directory / WHOLE_NUMBERS) if index is None else np.empty(0, dtype=np.int64)
    added = [held]
    for numbers, vectors in read_segments(directory, dimension):
        new = np.isin(numbers, held, invert=True)
        if new.any():
            grown.add(np.ascontiguousarray(vectors[new]))
            added.append(numbers[new])
    if len(added) > 1:
        # Removed first: the snapshot before has the same file, and keeps it.
        for name in (WHOLE, WHOLE_NUMBERS):
            (directory / name).unlink(missing_ok=True)
        faiss.write_index(grown, str(directory / WHOLE))
        np.save(directory / WHOLE_NUMBERS, np.concatenate(added))


def dead_share(directory: Path, living: Numbers) -> float:
    """How much of the index kept in ``directory`` is of numbers that are not living any more."""
    held = load_numbers(directory / WHOLE_NUMBERS)
    return float(np.isin(held, living, invert=True).mean()) if len(held) else 0.0


class WholeScan:
    """An IVF or HNSW index of FAISS."""

    def __init__(self, index: Any, rows: Numbers, mask: NDArray[np.bool_]) -> None:
        """``rows`` are those of the index's own rows, of which it returns those where ``mask`` is True."""
        self._index = index
        self._rows = rows
        self._selector = None if mask.all() else selector(mask)

    @classmethod
    def open(cls, directory: Path, segments: SegmentReader) -> WholeScan:
        """Read the index kept in ``directory``.

        Raises:
            SnapshotCorruptError: it cannot be read, or lacks a row of these segments.
        """
        index = _read(directory, memory_mapped=True)
        numbers = load_numbers(directory / WHOLE_NUMBERS)
        living = np.isin(numbers, segments.numbers)
        if (index.d, index.ntotal) != (segments.dimension, len(numbers)) or living.sum() != len(
            segments.numbers
        ):
            raise corrupt(directory / WHOLE, "it is not an index of the vectors beside it")
        return cls(index, np.where(living, np.searchsorted(segments.numbers, numbers), -1), living)

    def candidates(self, query: Vector, count: int) -> Numbers:
        """See ``dense_rescored.Scan``."""
        if isinstance(self._index, faiss.IndexIVF):
            parameters = faiss.SearchParametersIVF(sel=self._selector, nprobe=self._index.nprobe)
        else:
            searched = max(_LEAST_SEARCHED, count)
            parameters = faiss.SearchParametersHNSW(sel=self._selector, efSearch=searched)
        return self._rows[nearest_rows(self._index, query, count, parameters)]

    def within(self, rows: Numbers) -> WholeScan:
        """See ``dense_rescored.Scan``."""
        return WholeScan(self._index, self._rows, np.isin(self._rows, rows))


def _read(directory: Path, *, memory_mapped: bool) -> Any:
    path = directory / WHOLE
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if memory_mapped else 0)
    except RuntimeError as error:
        raise corrupt(path, str(error).splitlines()[0]) from error
