"""Figures as sums over clusters of cases: what resampling weighs, for any number of figures at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class Ratio(Protocol):
    """A figure sum(numerators) / sum(denominators), a pair per case, both of shape (cases,)."""

    @property
    def numerators(self) -> FloatArray: ...

    @property
    def denominators(self) -> FloatArray: ...


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """What each cluster adds to several figures; both of shape (clusters, figures)."""

    numerators: FloatArray
    denominators: FloatArray

    @property
    def values(self) -> FloatArray:
        """The figures, shape (figures,); NaN where no case counts."""
        return ratios_of(self.numerators.sum(axis=0), self.denominators.sum(axis=0))

    @property
    def counting(self) -> IntArray:
        """How many clusters count towards each figure, shape (figures,)."""
        return np.count_nonzero(self.denominators, axis=0).astype(np.int64)

    @property
    def are_shares(self) -> BoolArray:
        """Which figures are shares, within 0..1 in every cluster; shape (figures,)."""
        inside = (self.numerators >= 0.0) & (self.numerators <= self.denominators)
        return np.logical_and.reduce(inside, axis=0)

    @property
    def without_each(self) -> FloatArray:
        """The figures when each cluster is left out in turn, shape (clusters, figures)."""
        return ratios_of(
            self.numerators.sum(axis=0) - self.numerators, self.denominators.sum(axis=0) - self.denominators
        )

    def weighted(self, weights: FloatArray) -> FloatArray:
        """The figures for each row of weights (rows, clusters), shape (rows, figures); NaN if undefined."""
        return ratios_of(weights @ self.numerators, weights @ self.denominators)


def cluster_sums(ratios: Sequence[Ratio], clusters: IntArray) -> ClusterSums:
    """The sums of several figures by cluster.

    Args:
        clusters: a number from 0 for each case, shape (cases,).
    """

    def sums(columns: Iterable[FloatArray]) -> FloatArray:
        by_cluster = [np.bincount(clusters, weights=column) for column in columns]
        return np.stack(by_cluster, axis=1).astype(np.float64)

    return ClusterSums(
        sums(ratio.numerators for ratio in ratios), sums(ratio.denominators for ratio in ratios)
    )


def ratios_of(above: FloatArray, below: FloatArray) -> FloatArray:
    """Quotients, NaN where there is nothing below; sums of weights leave no smaller remains than 1e-9."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 1e-9)
