"""How small a difference a set of cases can establish, and how many cases an observed one would take.

For a two-sided test at 5 % that is to find a true difference with 80 % chance, a difference has to be
z(.975) + z(.80) = 2.80 standard errors (Cohen 1988; for paired comparisons of language models with clustered
standard errors, Miller 2024, arXiv:2411.00640). Both figures take the normal approximation.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from eval.statistics.cluster_sums import ClusterSums
from eval.statistics.significance import ROUNDING

FloatArray = npt.NDArray[np.float64]

SIGNIFICANCE = 0.05
POWER = 0.8


def difference_errors(first: ClusterSums, second: ClusterSums) -> FloatArray:
    """The standard error of each difference of two paired ratios, shape (figures,), NaN where undefined.

    The clustered sandwich estimator: the difference is linear in what each cluster adds,
    ``(n - R d) / D`` of the second less that of the first, and the errors of clusters are independent
    (Cameron, Gelbach and Miller 2008, section II, with their correction C / (C - 1) for few clusters).
    """
    clusters = len(first.numerators)
    if clusters < 2:
        return np.nan * first.values
    pulls = _pulls(second) - _pulls(first)
    errors: FloatArray = np.sqrt(clusters / (clusters - 1) * np.square(pulls).sum(axis=0))
    return errors


def least_detectable(standard_error: float) -> float:
    """The smallest true difference that a set with this standard error finds with 80 % chance."""
    normal = NormalDist()
    return (normal.inv_cdf(1.0 - SIGNIFICANCE / 2.0) + normal.inv_cdf(POWER)) * standard_error


def cases_needed(cases: int, difference: float, standard_error: float) -> int | None:
    """How many such cases would establish ``difference`` with 80 % chance, if it is the true one.

    The standard error falls with the square root of the cases, at as many cases a source as there are now.
    None for no difference, which no number of cases would establish.
    """
    if abs(difference) < ROUNDING:
        return None
    return math.ceil(cases * (least_detectable(standard_error) / difference) ** 2)


def _pulls(sums: ClusterSums) -> FloatArray:
    """How much each cluster pulls its figure up, shape (clusters, figures)."""
    totals = sums.denominators.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return (sums.numerators - sums.values * sums.denominators) / np.where(totals > 0.0, totals, np.nan)
