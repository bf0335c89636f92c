"""Open the vectors of a snapshot for search, as its manifest says they are kept."""

from __future__ import annotations

from pathlib import Path

from ingest.choices import DenseKind
from ingest.vectors.codes import CodeScan
from ingest.vectors.exact import ExactIndex
from ingest.vectors.gpu import GpuScan, gpu_count
from ingest.vectors.index import DenseFilter, VectorIndex
from ingest.vectors.rescored import RescoredIndex
from ingest.vectors.segments import SegmentReader
from ingest.vectors.spec import DenseSpec
from ingest.vectors.whole import WholeScan

__all__ = ["DenseFilter", "VectorIndex", "open_on_cpu", "open_vectors"]


def open_vectors(directory: Path, dimension: int, spec: DenseSpec) -> VectorIndex:
    """Open the vectors kept in ``directory``; with a GPU, and FAISS made for it, the GPU scans them.

    Raises:
        SnapshotCorruptError: the files are no vectors, or not of this dimension.
    """
    if spec.kind is DenseKind.FLAT or not gpu_count():
        return open_on_cpu(directory, dimension, spec)
    segments = SegmentReader(directory, dimension)
    scan = GpuScan(segments, _open_scan(directory, segments, spec))
    return RescoredIndex(segments, scan, spec.candidates)


def open_on_cpu(directory: Path, dimension: int, spec: DenseSpec) -> VectorIndex:
    """As ``open_vectors``, whether there is a GPU or not."""
    if spec.kind is DenseKind.FLAT:
        return ExactIndex(directory, dimension)
    segments = SegmentReader(directory, dimension)
    return RescoredIndex(segments, _open_scan(directory, segments, spec), spec.candidates)


def _open_scan(directory: Path, segments: SegmentReader, spec: DenseSpec) -> CodeScan | WholeScan:
    scan = CodeScan if spec.kind is DenseKind.PQ else WholeScan
    return scan.open(directory, segments)
