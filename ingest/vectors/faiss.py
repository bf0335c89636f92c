"""FAISS, which has no types: the module, and what several indexes ask of it."""

from __future__ import annotations

from typing import Any, cast

import faiss as untyped_faiss
import numpy as np
from numpy.typing import NDArray

from ingest.vectors.files import Numbers

faiss = cast("Any", untyped_faiss)


def use_threads(count: int) -> None:
    """Let FAISS compute on so many threads for the calling thread, of which OpenMP keeps the number.

    A search uses one: a team of threads costs more than it brings.
    """
    faiss.omp_set_num_threads(count)


def selector(mask: NDArray[np.bool_]) -> Any:
    """What lets a search of FAISS return the rows where ``mask`` is True."""
    return faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))


def nearest_rows(index: Any, query: NDArray[np.float32], count: int, parameters: Any = None) -> Numbers:
    """The rows that a search of FAISS finds for one query of shape (dimension,), best first."""
    _, rows = index.search(query[np.newaxis, :], count, params=parameters)
    return rows[0][rows[0] >= 0]
