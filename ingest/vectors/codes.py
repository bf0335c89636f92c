"""Vectors in 4 bits for every few numbers: what finds the candidates of a search quickly.

Product quantisation (Jégou, Douze, Schmid 2011, doi:10.1109/TPAMI.2010.57): a vector is cut into parts of
four numbers, and each part becomes one of 16 that were learned. The scan keeps its tables in registers
(André, Kermarrec, Le Scouarnec 2017, arXiv:1704.07355).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Matrix, Vector
from ingest.vectors.faiss import faiss, nearest_rows
from ingest.vectors.files import CODEBOOK, CODES, VECTORS, Numbers, load_array, segment_names
from ingest.vectors.segments import SegmentReader, StackedArrays

_BITS = 4
_PART = 4

Codes = NDArray[np.uint8]


class Codebook:
    """What the codes stand for."""

    def __init__(self, dimension: int) -> None:
        self.subspaces = dimension // math.gcd(dimension, _PART)
        self._quantizer = faiss.ProductQuantizer(dimension, self.subspaces, _BITS)
        self._shape = (self.subspaces, 1 << _BITS, dimension // self.subspaces)

    @classmethod
    def train(cls, sample: Matrix) -> Codebook:
        """Learn it from vectors of shape (n, dimension)."""
        book = cls(sample.shape[1])
        book._quantizer.train(np.ascontiguousarray(sample))
        return book

    @classmethod
    def load(cls, directory: Path, dimension: int) -> Codebook:
        """The one kept in ``directory``.

        Raises:
            SnapshotCorruptError: there is none, or of another dimension.
        """
        book = cls(dimension)
        centroids = load_array(directory / CODEBOOK, np.float32, book._shape)
        faiss.copy_array_to_vector(centroids.ravel(), book._quantizer.centroids)
        return book

    def save(self, directory: Path) -> None:
        """Keep it in ``directory``."""
        centroids = faiss.vector_to_array(self._quantizer.centroids)
        np.save(directory / CODEBOOK, centroids.reshape(self._shape))

    def encode(self, vectors: Matrix) -> Codes:
        """The codes of vectors; shape (len(vectors), code_bytes)."""
        return self._quantizer.compute_codes(np.ascontiguousarray(vectors))

    @property
    def code_bytes(self) -> int:
        return int(self._quantizer.code_size)

    def scanner(self, codes: Codes) -> Any:
        """What FAISS scans codes with."""
        plain = faiss.IndexPQ(self._quantizer.d, self.subspaces, _BITS, faiss.METRIC_INNER_PRODUCT)
        plain.pq, plain.is_trained, plain.ntotal = self._quantizer, True, len(codes)
        faiss.copy_array_to_vector(codes.ravel(), plain.codes)
        return faiss.IndexPQFastScan(plain)


def write_codes(directory: Path, dimension: int, book: Codebook) -> None:
    """Encode the segments that have no codes yet."""
    for name in segment_names(directory):
        path = directory / f"{name}{CODES}"
        if not path.exists():
            np.save(
                path, book.encode(load_array(directory / f"{name}{VECTORS}", np.float32, (None, dimension)))
            )


class CodeScan:
    """Codes in memory, all compared with a query."""

    def __init__(self, book: Codebook, codes: StackedArrays, places: Numbers, rows: Numbers | None) -> None:
        """``places`` is where the codes of all rows stand; of these ``rows`` are scanned, by default all."""
        self._book = book
        self._codes = codes
        self._places = places
        self._rows = rows
        self._scanner = book.scanner(codes.take(places if rows is None else places[rows]))

    @classmethod
    def open(cls, directory: Path, segments: SegmentReader) -> CodeScan:
        """Read the codes kept in ``directory``.

        Raises:
            SnapshotCorruptError: they are not those of these segments.
        """
        book = Codebook.load(directory, segments.dimension)
        codes = segments.stacked(CODES, np.empty((0, book.code_bytes), dtype=np.uint8))
        return cls(book, codes, segments.places, None)

    def candidates(self, query: Vector, count: int) -> Numbers:
        """See ``dense_rescored.Scan``."""
        found = nearest_rows(self._scanner, query, count)
        return found if self._rows is None else self._rows[found]

    def within(self, rows: Numbers) -> CodeScan:
        """See ``dense_rescored.Scan``."""
        return CodeScan(self._book, self._codes, self._places, rows)
