"""Random weights of clusters, in blocks that bound the memory: what bootstrap and permutation have in common.

A figure of weighted clusters is a matrix product, so a block of draws serves any number of figures at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

RESAMPLES = 10_000
# Weights at once: some 16 MB, whatever the number of clusters.
_CELLS = 2_000_000


def drawn_clusters(
    clusters: int, resamples: int = RESAMPLES, seed: int = 0, *, width: int = 1
) -> Iterator[FloatArray]:
    """How often each cluster is drawn when as many as there are are drawn with replacement.

    The cluster bootstrap: whole clusters are drawn, for cases of one source are no independent witnesses
    (Cameron, Gelbach and Miller, Review of Economics and Statistics 90(3), 2008, section II; Field and
    Welsh 2007).

    Args:
        width: of the arrays that the caller makes of a row, so that its memory is bounded, too.

    Returns:
        Blocks of shape (rows, clusters), ``resamples`` rows in all, each with the sum ``clusters``.
    """
    random = np.random.default_rng(seed)
    for rows in _blocks(max(clusters, width), resamples):
        drawn = random.integers(0, clusters, size=(rows, clusters), dtype=np.int64)
        drawn += np.arange(0, rows * clusters, clusters)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * clusters)
        yield counts.reshape(rows, clusters).astype(np.float64)


def swapped_clusters(
    clusters: int, resamples: int = RESAMPLES, seed: int = 0, *, width: int = 1
) -> Iterator[FloatArray]:
    """For each cluster 1 where two systems change places and 0 where not, by the toss of a coin.

    Args:
        width: as in ``drawn_clusters``.

    Returns:
        Blocks of shape (rows, clusters), ``resamples`` rows in all.
    """
    random = np.random.default_rng(seed)
    for rows in _blocks(max(clusters, width), resamples):
        yield random.integers(0, 2, size=(rows, clusters), dtype=np.int8).astype(np.float64)


def _blocks(width: int, resamples: int) -> Iterator[int]:
    """The number of rows of each block."""
    rows = max(1, _CELLS // width)
    for start in range(0, resamples, rows):
        yield min(rows, resamples - start)
