"""Figures over cases, with their bootstrap intervals: ratios of sums, and any other function of the cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from eval.statistics.intervals import Interval, percentile_interval
from eval.statistics.resampling import drawn_clusters
from eval.statistics.significance import bootstrap_interval

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# Each draw is a pass over all cases, where a ratio of sums is a product.
_RESAMPLES = 1_000


class Direction(StrEnum):
    """Which of two values of a figure is the better one."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure sum(numerators) / sum(denominators), one pair per case, in the order of the cases."""

    name: str
    numerators: FloatArray
    denominators: FloatArray
    direction: Direction = Direction.HIGHER

    @property
    def value(self) -> float | None:
        """The figure; None when no case counts towards it."""
        total = float(self.denominators.sum())
        return float(self.numerators.sum()) / total if total > 0 else None

    @property
    def interval(self) -> Interval | None:
        """Its 95 % bootstrap interval; None when fewer than two cases count towards it."""
        if np.count_nonzero(self.denominators) < 2:
            return None
        return bootstrap_interval(self.numerators, self.denominators)

    def by_cluster(self, clusters: npt.NDArray[np.int64]) -> Measure:
        """The same measure with the cases of a cluster as one, so that an interval draws them together.

        Args:
            clusters: a number from 0 for each case.
        """
        return replace(
            self,
            numerators=np.bincount(clusters, weights=self.numerators).astype(np.float64),
            denominators=np.bincount(clusters, weights=self.denominators).astype(np.float64),
        )

    def of(self, chosen: BoolArray) -> Measure:
        """The same measure over some of the cases."""
        return replace(self, numerators=self.numerators[chosen], denominators=self.denominators[chosen])


@dataclass(frozen=True, slots=True)
class WeightedFigure:
    """A figure that is no ratio of sums over cases, but a function of how often each case is counted.

    ``counted`` (cases,) is 1 where a case counts and 0 elsewhere; ``formula`` takes counts of shape
    (draws, cases) and gives (draws,), NaN where the figure is not defined.
    """

    name: str
    counted: FloatArray
    formula: Callable[[FloatArray], FloatArray]
    direction: Direction

    @property
    def value(self) -> float | None:
        """The figure; None where it is not defined."""
        value = float(self.formula(self.counted[None, :])[0])
        return None if np.isnan(value) else value

    def of(self, chosen: BoolArray) -> WeightedFigure:
        """The same figure over some of the cases."""
        return replace(self, counted=self.counted * chosen)

    def interval(self, clusters: npt.NDArray[np.int64], *, seed: int = 0) -> Interval | None:
        """Its 95 % bootstrap interval; None where fewer than two clusters count, or it is not defined.

        See ``eval.statistics.intervals``. Resamples on which it is not defined are left out.

        Args:
            clusters: a number from 0 for each case.
        """
        counting = np.unique(clusters[self.counted > 0]).size
        if self.value is None or counting < 2:
            return None
        draws = drawn_clusters(int(clusters.max()) + 1, _RESAMPLES, seed, width=clusters.size)
        values = [self.formula(weights[:, clusters] * self.counted) for weights in draws]
        return percentile_interval(np.concatenate(values), counting)


def mean_measure(name: str, values: FloatArray) -> Measure:
    """The mean of one value per case."""
    return Measure(name, values, np.ones_like(values))


def values_of(measures: Iterable[Measure]) -> dict[str, float | None]:
    """Each measure's figure by its name."""
    return {measure.name: measure.value for measure in measures}


def intervals_of(measures: Iterable[Measure]) -> dict[str, Interval | None]:
    """Each measure's interval by its name."""
    return {measure.name: measure.interval for measure in measures}
