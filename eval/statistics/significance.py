"""How sure a measured figure is, and whether two systems differ on the same cases.

A figure is a ratio of sums over cases, so that means (denominator 1 for each case) and rates over a part of
the cases (precision of refusals, say) are treated alike. Cases of one source do well or badly together, so
everything is drawn by clusters of cases. What is assumed: that clusters are independent of each other, and
drawn from those on which the systems will be used. With fewer than some 20 clusters that count towards a
figure, take its interval for an indication only.

On testing in the field: Koehn, EMNLP 2004 (bootstrap), and Dror et al., ACL 2018 (which test for what).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.statistics.cluster_sums import ClusterSums, ratios_of
from eval.statistics.intervals import CONFIDENCE, Interval, bca_interval, percentile_interval, unanimous_share
from eval.statistics.resampling import RESAMPLES, drawn_clusters, swapped_clusters

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

ROUNDING = 1e-12
"""What two figures that are the same may differ by, for sums are rounded in the order of their terms."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Second system minus first, with its interval and the two-sided p value of "no difference"."""

    value: float
    interval: Interval
    p_value: float


def bootstrap_interval(
    numerators: FloatArray,
    denominators: FloatArray | None = None,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Interval:
    """The interval of sum(numerators) / sum(denominators); see ``bootstrap_intervals``.

    Args:
        numerators: one value per cluster.
        denominators: one weight per cluster, not negative; None for 1 each.

    Raises:
        ValueError: fewer than two clusters have a denominator above 0.
    """
    below = np.ones_like(numerators) if denominators is None else denominators
    sums = ClusterSums(numerators[:, None], below[:, None])
    (found,) = bootstrap_intervals(sums, resamples=resamples, confidence=confidence, seed=seed)
    if found is None:
        raise ValueError("an interval needs at least two clusters with a denominator above 0")
    return found


def bootstrap_intervals(
    sums: ClusterSums, *, resamples: int = RESAMPLES, confidence: float = CONFIDENCE, seed: int = 0
) -> tuple[Interval | None, ...]:
    """The BCa interval of each figure, drawing whole clusters.

    Resamples on which a figure is not defined are left out. A share that is 0 or 1 in every cluster reaches
    as far as the exact binomial bound over clusters, for there the bootstrap has no width.

    Returns:
        None for a figure towards which fewer than two clusters count.
    """
    clusters = len(sums.numerators)
    draws = np.concatenate([sums.weighted(weights) for weights in drawn_clusters(clusters, resamples, seed)])
    return own_intervals(sums, draws, confidence)


def own_intervals(
    sums: ClusterSums, draws: FloatArray, confidence: float = CONFIDENCE
) -> tuple[Interval | None, ...]:
    """The intervals of ``bootstrap_intervals`` from draws at hand, shape (resamples, figures)."""
    values, without, counting, are_shares = sums.values, sums.without_each, sums.counting, sums.are_shares

    def interval(figure: int) -> Interval | None:
        value, clusters = float(values[figure]), int(counting[figure])
        if clusters < 2:
            return None
        if are_shares[figure] and value in (0.0, 1.0):
            room = unanimous_share(clusters, confidence)
            return Interval(0.0, room) if value == 0.0 else Interval(1.0 - room, 1.0)
        counts = sums.denominators[:, figure] > 0.0
        return bca_interval(draws[:, figure], value, without[counts, figure], confidence)

    return tuple(interval(figure) for figure in range(len(values)))


def paired_differences(
    first: ClusterSums,
    second: ClusterSums,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> tuple[Difference | None, ...]:
    """Whether the figures of ``second`` differ from those of ``first`` on the same clusters of cases.

    Both systems are drawn together, so that how hard a cluster is cancels out; the interval is that of
    ``difference_intervals``, the p value that of ``permutation_p_values``.

    Returns:
        None for a figure that is not defined for both, or towards which fewer than two clusters count.

    Raises:
        ValueError: the two have not the same clusters and figures.
    """
    if first.numerators.shape != second.numerators.shape:
        raise ValueError(
            f"a paired test needs the same clusters and figures twice, got {first.numerators.shape} "
            f"and {second.numerators.shape}"
        )
    draws = np.concatenate(
        [
            second.weighted(weights) - first.weighted(weights)
            for weights in drawn_clusters(len(first.numerators), resamples, seed)
        ]
    )
    intervals = difference_intervals(first, second, draws, confidence)
    p_values = permutation_p_values(first, second, resamples=resamples, seed=seed)
    values = second.values - first.values
    return tuple(
        None if interval is None else Difference(float(value), interval, float(p_value))
        for value, interval, p_value in zip(values, intervals, p_values, strict=True)
    )


def gain_interval(
    gains: FloatArray, clusters: IntArray, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """The 95 % interval of the mean of paired differences, drawing whole clusters.

    Args:
        gains: second system minus first, shape (cases,).
        clusters: a number from 0 for each case, shape (cases,).

    Raises:
        ValueError: there are fewer than two clusters.
    """
    cases = np.bincount(clusters)[:, None].astype(np.float64)
    first = ClusterSums(np.zeros_like(cases), cases)
    second = ClusterSums(np.bincount(clusters, weights=gains)[:, None].astype(np.float64), cases)
    draws = np.concatenate(
        [second.weighted(weights) for weights in drawn_clusters(len(cases), resamples, seed)]
    )
    (found,) = difference_intervals(first, second, draws)
    if found is None:
        raise ValueError("an interval needs at least two clusters")
    return found


def difference_intervals(
    first: ClusterSums, second: ClusterSums, draws: FloatArray, confidence: float = CONFIDENCE
) -> tuple[Interval | None, ...]:
    """The percentile interval of each difference, second minus first.

    Where the two have the same share in every cluster, they may still differ in as many clusters as the exact
    binomial bound allows, and by 1 at most in each.

    Args:
        draws: the difference of each resample, shape (resamples, figures).
    """
    differences = second.values - first.values
    counting = np.minimum(first.counting, second.counting)
    alike = first.numerators * second.denominators == second.numerators * first.denominators
    is_same = alike.all(axis=0) & (np.abs(differences) < ROUNDING) & first.are_shares & second.are_shares

    def interval(figure: int) -> Interval | None:
        clusters = int(counting[figure])
        if np.isnan(differences[figure]) or clusters < 2:
            return None
        if is_same[figure]:
            room = unanimous_share(clusters, confidence)
            return Interval(-room, room)
        return percentile_interval(draws[:, figure], clusters, confidence)

    return tuple(interval(figure) for figure in range(len(differences)))


def permutation_p_values(
    first: ClusterSums, second: ClusterSums, *, resamples: int = RESAMPLES, seed: int = 0
) -> FloatArray:
    """The two-sided p value of each difference, shape (figures,), by letting systems change places.

    Under the null hypothesis it makes no difference which system gave which answers to a cluster: for each
    cluster a coin decides whether the two sums change places, numerators and denominators together
    (approximate randomization: Noreen 1989; Dror et al. 2018, section 3). p = (1 + draws that differ as
    much) / (1 + draws), never 0 (Phipson and Smyth 2010). A draw without a denominator counts as one that
    differs as much.
    """
    above, below = second.numerators - first.numerators, second.denominators - first.denominators
    # A tolerance, because the sums of a draw are rounded in another order than those observed.
    least = np.abs(second.values - first.values) - ROUNDING * np.maximum(1.0, np.abs(first.values))
    extreme = np.zeros(above.shape[1])
    for swaps in swapped_clusters(len(above), resamples, seed):
        gained, counted = swaps @ above, swaps @ below
        one = ratios_of(first.numerators.sum(axis=0) + gained, first.denominators.sum(axis=0) + counted)
        two = ratios_of(second.numerators.sum(axis=0) - gained, second.denominators.sum(axis=0) - counted)
        extreme += np.count_nonzero(~(np.abs(two - one) < least), axis=0)
    return (1.0 + extreme) / (1.0 + resamples)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values, adjusted for being a family: that a single one is wrongly below .05 has a chance of 5 %.

    The i-th smallest of m is multiplied by m - i + 1, kept from falling below the one before it, and at
    most 1 (Holm, Scandinavian Journal of Statistics 6(2), 1979). Holds for any dependence between the tests.
    """
    adjusted = [0.0] * len(p_values)
    floor = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        floor = max(floor, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = floor
    return adjusted
