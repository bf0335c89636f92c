"""How sure a measured figure is: bootstrap intervals, and whether two systems differ.

A measure is a ratio of sums over cases, so that means (denominator 1 for each case) and rates over a
part of the cases (precision of refusals, say) are treated alike: each resample draws whole cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

RESAMPLES = 10_000
CONFIDENCE = 0.95
# Indexes drawn at once: bounds memory to some 16 MB whatever the number of cases.
_DRAWS_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """The ends of a confidence interval, in the unit of the measure."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Second system minus first, with its interval and the two-sided p value of "no difference"."""

    mean: float
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
    """The percentile interval of sum(numerators) / sum(denominators), by resampling cases.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3. Resamples whose
    denominator is 0 are left out. Without denominators, the interval of the mean.

    Args:
        numerators: one value per case.
        denominators: one weight per case, not negative; None for 1 each.

    Raises:
        ValueError: no case at all, or every denominator is 0.
    """
    if numerators.size == 0 or (denominators is not None and not denominators.any()):
        raise ValueError("an interval needs at least one case with a denominator above 0")
    ratios: list[FloatArray] = []
    for draws in _draws(numerators.size, resamples, seed):
        above = numerators[draws].sum(axis=1)
        if denominators is None:
            ratios.append(above / numerators.size)
        else:
            below = denominators[draws].sum(axis=1)
            ratios.append(above[below > 0] / below[below > 0])
    return _percentiles(np.concatenate(ratios), confidence)


def paired_difference(
    first: FloatArray,
    second: FloatArray,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Difference:
    """Whether ``second`` is better than ``first`` on the same cases, in the same order.

    The interval is the percentile interval of the mean difference. The p value is that of the one-sample
    bootstrap test on the differences, shifted to mean 0 (Efron and Tibshirani 1993, algorithm 16.2),
    two-sided, with the observed value counted in, so it is never 0.

    Raises:
        ValueError: the two have no case, or not the same number.
    """
    if first.size == 0 or first.shape != second.shape:
        raise ValueError(f"a paired test needs the same cases twice, got {first.size} and {second.size}")
    differences = second - first
    mean = float(differences.mean())
    means = np.concatenate([differences[draws].mean(axis=1) for draws in _draws(first.size, resamples, seed)])
    # A tolerance, because the sums of a resample are rounded in another order than the observed one.
    extreme = np.count_nonzero(np.abs(means - mean) >= abs(mean) - 1e-12)
    return Difference(mean, _percentiles(means, confidence), (1 + int(extreme)) / (1 + resamples))


def _draws(cases: int, resamples: int, seed: int) -> Iterator[npt.NDArray[np.int32]]:
    """Blocks of resamples, each row ``cases`` indexes drawn with replacement."""
    random = np.random.default_rng(seed)
    rows = max(1, _DRAWS_AT_ONCE // cases)
    for start in range(0, resamples, rows):
        yield random.integers(0, cases, size=(min(rows, resamples - start), cases), dtype=np.int32)


def _percentiles(values: FloatArray, confidence: float) -> Interval:
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(values, [tail, 100.0 - tail])
    return Interval(float(low), float(high))
