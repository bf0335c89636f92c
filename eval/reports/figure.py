"""A measured figure with its interval, and the figures of a part of the cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.measures.measure import Direction, Measure, WeightedFigure
from eval.statistics.cluster_sums import cluster_sums
from eval.statistics.intervals import Interval
from eval.statistics.significance import bootstrap_intervals

DIGITS = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval; ``cases`` is how many count towards it.

    ``value`` is None where none does, ``interval`` also where they are all from one source.
    """

    name: str
    value: float | None
    interval: Interval | None
    cases: int
    direction: Direction


@dataclass(frozen=True, slots=True)
class Slice:
    """The figures of the cases that share a language or a tag, or of all."""

    name: str
    cases: int
    figures: tuple[Figure, ...]

    def figure(self, name: str) -> Figure | None:
        """The figure called ``name``; None where nothing of that name was measured or no case counts."""
        found = (figure for figure in self.figures if figure.name == name and figure.value is not None)
        return next(found, None)

    def to_json(self) -> dict[str, object]:
        """``cases``, ``metrics`` and ``intervals``, the latter two by name."""
        return {
            "cases": self.cases,
            "metrics": {figure.name: _rounded(figure.value) for figure in self.figures},
            "intervals": {figure.name: _ends(figure.interval) for figure in self.figures},
        }


def ratio_figures(measures: Sequence[Measure], clusters: npt.NDArray[np.int64]) -> tuple[Figure, ...]:
    """Each measure with its interval, for which the cases of a cluster are drawn together.

    Args:
        measures: at least one.
        clusters: (cases,), a number for each case of the measures.
    """
    intervals = bootstrap_intervals(cluster_sums(measures, _from_zero(clusters)))
    return tuple(
        Figure(
            measure.name,
            measure.value,
            interval,
            int(np.count_nonzero(measure.denominators)),
            measure.direction,
        )
        for measure, interval in zip(measures, intervals, strict=True)
    )


def weighted_figures(
    figures: Iterable[WeightedFigure], clusters: npt.NDArray[np.int64]
) -> tuple[Figure, ...]:
    """The same of figures that are no ratios."""
    numbered = _from_zero(clusters)
    return tuple(
        Figure(
            figure.name,
            figure.value,
            figure.interval(numbered),
            int(np.count_nonzero(figure.counted)),
            figure.direction,
        )
        for figure in figures
    )


def shown(value: float | None) -> str:
    """A figure for a person: three digits after the point for shares, fewer for greater ones."""
    if value is None:
        return "–"
    if 0.0 < abs(value) < 0.001:
        return f"{value:.2g}"
    digits = 3 if abs(value) <= 1.0 else 1 if abs(value) < 1000.0 else 0
    return f"{value:,.{digits}f}"


def _from_zero(clusters: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The same clusters without gaps between their numbers."""
    return np.unique(clusters, return_inverse=True)[1].astype(np.int64)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _ends(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (round(interval.low, DIGITS), round(interval.high, DIGITS))
