"""A scan by the GPU, where FAISS was built for one and finds one: every vector, as float16.

FAISS on a GPU passes over no rows, so that filters are left to the scan of the CPU. This module was written
from the documentation of FAISS and is tested without a GPU only.
"""

from __future__ import annotations

from threading import Lock

from ingest.embed import Vector
from ingest.vectors.faiss import faiss, nearest_rows
from ingest.vectors.files import Numbers
from ingest.vectors.rescored import Scan
from ingest.vectors.segments import SegmentReader

_BLOCK = 65_536
_MOST_RESULTS = 2_048


def gpu_count() -> int:
    """How many GPUs FAISS can use."""
    return int(faiss.get_num_gpus())


class GpuScan:
    """All vectors in the memory of the first GPU."""

    def __init__(self, segments: SegmentReader, filtered: Scan) -> None:
        """Copy the vectors there; ``filtered`` does what a GPU does not."""
        self._filtered = filtered
        self._lock = Lock()  # the GPU's resources serve one thread at a time
        self._resources = faiss.StandardGpuResources()
        options = faiss.GpuIndexFlatConfig()
        options.useFloat16 = True
        self._index = faiss.GpuIndexFlatIP(self._resources, segments.dimension, options)
        for first in range(0, len(segments.numbers), _BLOCK):
            self._index.add(segments.vectors(segments.numbers[first : first + _BLOCK]))

    def candidates(self, query: Vector, count: int) -> Numbers:
        """See ``dense_rescored.Scan``; more than FAISS gives on a GPU are left to the CPU."""
        if count > _MOST_RESULTS:
            return self._filtered.candidates(query, count)
        with self._lock:
            return nearest_rows(self._index, query, count)

    def within(self, rows: Numbers) -> Scan:
        """See ``dense_rescored.Scan``."""
        return self._filtered.within(rows)
