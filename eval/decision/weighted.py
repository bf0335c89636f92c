"""Compare two runs in figures that are no ratios of sums: areas under curves, calibration, a latency.

Such a figure is a function of how often each record is counted, so it is taken over the records of both runs
put together: weights on the first half give the first run's figure, weights on the second half the second's,
and a mixture is what a permutation needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import numpy.typing as npt

from eval.decision.comparison import Row, Side
from eval.decision.pairs import Pairs
from eval.measures.confidence import confidence_figures
from eval.measures.measure import Direction, FloatArray, WeightedFigure
from eval.metrics.confidence import quantile
from eval.runs.record import CaseRecord
from eval.statistics.intervals import percentile_interval, ratio_interval
from eval.statistics.resampling import drawn_clusters, swapped_clusters
from eval.statistics.significance import Difference

IntArray = npt.NDArray[np.int64]

LATENCY = "latency_p95_ms"
# Each draw is a pass over all records, where a ratio of sums is a product.
_RESAMPLES = 1_000
_PERCENTILE = 0.95


def paired_figures(pairs: Pairs) -> tuple[WeightedFigure, ...]:
    """The figures over the records of the first run followed by those of the second.

    Those of ``eval.measures.confidence`` and ``latency_p95_ms``, the 95th percentile of the time to the whole
    answer over the cases that the generator of both runs answered: neither failed nor out of the cache.
    """
    times = [record.total_ms for record in (*pairs.first, *pairs.second)]
    timed = [_is_timed(one) and _is_timed(two) for one, two in zip(pairs.first, pairs.second, strict=True)]
    return (
        *confidence_figures((*pairs.first, *pairs.second)),
        WeightedFigure(
            LATENCY,
            np.array([*timed, *timed], dtype=np.float64),
            partial(quantile, np.array(times), _PERCENTILE),
            Direction.LOWER,
        ),
    )


def weighted_row(figure: WeightedFigure, clusters: IntArray) -> Row:
    """The row of one figure over the records of both runs.

    Intervals are percentile intervals of the cluster bootstrap, the p value that of the permutation test, as
    for ratios (``eval.statistics.significance``), from 1,000 draws.

    Args:
        clusters: the number of each case's source, shape (cases,): half as long as the figure's records.
    """
    everyone = np.ones((1, clusters.size))
    (one,), (two,) = _both(figure, everyone, 0.0 * everyone)
    cases = figure.counted.reshape(2, -1).any(axis=0)
    sources = len(np.unique(clusters[cases]))
    if np.isnan(one) or np.isnan(two) or sources < 2:
        sides = Side(_known(one), None), Side(_known(two), None)
        return Row(figure.name, figure.direction, None, int(cases.sum()), sources, *sides)
    size, width = int(clusters.max()) + 1, figure.counted.size
    counts = (drawn[:, clusters] for drawn in drawn_clusters(size, _RESAMPLES, width=width))
    draws, other_draws = _stacked(_both(figure, block, 0.0 * block) for block in counts)
    tosses = (swaps[:, clusters] for swaps in swapped_clusters(size, _RESAMPLES, width=width))
    swapped, other_swapped = _stacked(_both(figure, 1.0 - toss, toss) for toss in tosses)
    # A draw on which a figure is not defined counts as one that differs as much.
    as_extreme = ~(np.abs(other_swapped - swapped) < abs(two - one) - 1e-12)
    p_value = (1.0 + float(np.count_nonzero(as_extreme))) / (1.0 + _RESAMPLES)
    between = percentile_interval(other_draws - draws, sources)
    return Row(
        figure.name,
        figure.direction,
        None,
        int(cases.sum()),
        sources,
        Side(float(one), percentile_interval(draws, sources)),
        Side(float(two), percentile_interval(other_draws, sources)),
        Difference(float(two - one), between, p_value),
        ratio_interval(draws, other_draws, sources),
        float(np.nanstd(other_draws - draws)),
    )


def _both(figure: WeightedFigure, own: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The figure of each run, shape (draws,), where its records count ``own`` and the other's ``other``."""
    first = figure.formula(np.hstack([own, other]) * figure.counted)
    return first, figure.formula(np.hstack([other, own]) * figure.counted)


def _stacked(blocks: Iterable[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    first, second = zip(*blocks, strict=True)
    return np.concatenate(first), np.concatenate(second)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _is_timed(record: CaseRecord) -> bool:
    return record.answer is not None and record.answer.cache is None
