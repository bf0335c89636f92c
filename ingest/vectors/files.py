"""The files of a snapshot's vectors.

::

    vectors/
        0001.numbers.npy    int64, shape (n,): the chunk of each row
        0001.vectors.npy    float32, shape (n, dimension): unit vectors
        deleted.npy         int64: numbers of the segments above that are gone
      derived from these, where search is not exact:
        0001.bytes.npy      int8, shape (n, dimension): each vector divided by its scale
        0001.scales.npy     float32, shape (n,)
        0001.codes.npy      uint8, shape (n, bytes): product quantisation
        codebook.npy        float32, shape (subspaces, 16, dimension / subspaces): what the codes stand for
        whole.faiss         an IVF or HNSW index in place of codes
        whole-numbers.npy   int64, shape (n,): the chunk of each row of it
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ingest.errors import SnapshotCorruptError

_Kind = TypeVar("_Kind", bound=np.generic)

# NumPy has Python compile an array's header, which Python 3.11 must not do in two threads at once
# (python/cpython#106905): it fails with a SystemError.
_READING_HEADER = threading.Lock()

Numbers = NDArray[np.int64]
"""Chunk numbers, or positions; shape (n,)."""

NUMBERS, VECTORS, DELETED = ".numbers.npy", ".vectors.npy", "deleted.npy"
BYTES, SCALES, CODES = ".bytes.npy", ".scales.npy", ".codes.npy"
CODEBOOK, WHOLE, WHOLE_NUMBERS = "codebook.npy", "whole.faiss", "whole-numbers.npy"
_DERIVED = (BYTES, SCALES, CODES, CODEBOOK, WHOLE, WHOLE_NUMBERS)


def segment_names(directory: Path) -> list[str]:
    """The segments in ``directory``, oldest first.

    Raises:
        SnapshotCorruptError: the folder was removed meanwhile.
    """
    try:
        return sorted(path.name.removesuffix(NUMBERS) for path in directory.glob(f"*{NUMBERS}"))
    except OSError as error:
        raise corrupt(directory, str(error)) from error


def is_derived(name: str) -> bool:
    """Whether the file of this name can be made again from the vectors."""
    return name.endswith(_DERIVED)


def remove_derived(directory: Path) -> None:
    """Delete all files that can be made again from the vectors."""
    for path in list(directory.iterdir()):
        if is_derived(path.name):
            path.unlink()


def load_numbers(path: Path) -> Numbers:
    """An array of int64, read whole.

    Raises:
        SnapshotCorruptError: it cannot be read, or is something else.
    """
    return load_array(path, np.int64, (None,)).copy()


def load_array(path: Path, kind: type[_Kind], shape: Sequence[int | None]) -> NDArray[_Kind]:
    """An array of this kind and shape, None standing for any length; memory-mapped and read-only.

    Raises:
        SnapshotCorruptError: it cannot be read, or is something else.
    """
    try:
        with _READING_HEADER:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise corrupt(path, str(error)) from error
    lengths_fit = all(wanted in (None, found) for wanted, found in zip(shape, array.shape, strict=False))
    if array.dtype != kind or array.ndim != len(shape) or not lengths_fit:
        expected = f"({', '.join('n' if length is None else str(length) for length in shape)})"
        raise corrupt(
            path, f"{array.dtype} of shape {array.shape}, expected {np.dtype(kind)} of shape {expected}"
        )
    return np.asarray(array)


def corrupt(path: Path, reason: str) -> SnapshotCorruptError:
    """The error that says so of the file ``path``."""
    return SnapshotCorruptError(
        f"the vectors in {path} cannot be used ({reason}): run `troika collections verify --repair`."
    )
