"""How far a score can be trusted, as functions of how often each case is counted.

Cases come as arrays of shape (cases,), and ``counts`` of shape (draws, cases), not negative, says how often
each is counted: a row of ones gives the figure itself, resampled rows its bootstrap distribution. Every
function gives shape (draws,), NaN where it is not defined. Equal scores are never told apart, so the order
of the cases is without effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

BINS = 10


def auroc(scores: FloatArray, positive: BoolArray, counts: FloatArray) -> FloatArray:
    """The chance that a positive case has a higher score than a negative one, in 0..1; ties count half.

    The area under the ROC curve as the statistic of Mann and Whitney (Hanley and McNeil, Radiology 143(1),
    1982); .5 is chance. NaN without a positive or without a negative case.
    """
    order, starts = _groups(scores)
    above, below = (_sums(counts[:, order] * side[order], starts) for side in (positive, ~positive))
    lower = np.cumsum(below, axis=1) - below / 2
    pairs = above.sum(axis=1) * below.sum(axis=1)
    return _ratio((above * lower).sum(axis=1), pairs)


def aurc(scores: FloatArray, wrong: BoolArray, counts: FloatArray) -> FloatArray:
    """The area under the risk-coverage curve, in 0..1, lower is better.

    The mean over the cases of the selective risk at their score: the share of wrong ones among the cases
    that score as high or higher (Geifman, Uziel and El-Yaniv 2019, arXiv:1805.08206). A score without
    information gives the share of wrong cases, on average. NaN without a case.
    """
    order, starts = _groups(-scores)
    weights = _sums(counts[:, order], starts)
    errors = _sums(counts[:, order] * wrong[order], starts)
    accepted = np.cumsum(weights, axis=1)
    risks = np.divide(np.cumsum(errors, axis=1), accepted, out=np.zeros_like(accepted), where=accepted > 0)
    return _ratio((weights * risks).sum(axis=1), weights.sum(axis=1))


def expected_calibration_error(scores: FloatArray, right: BoolArray, counts: FloatArray) -> FloatArray:
    """How far a score in 0..1 is from the chance to be right, in 0..1, lower is better.

    ECE = sum over bins of n_bin / n · |share of right cases - mean score|, in ten bins of equal width
    (Naeini et al., AAAI 2015; Guo et al. 2017, arXiv:1706.04599). Biased upwards where bins hold few
    cases. NaN without a case.
    """
    inside = bin_of(scores)[:, None] == np.arange(BINS)
    gaps = np.abs(counts @ (inside * (right - scores)[:, None]))
    return _ratio(gaps.sum(axis=1), counts.sum(axis=1))


def quantile(values: FloatArray, share: float, counts: FloatArray) -> FloatArray:
    """The smallest value that ``share`` of the cases do not exceed (type 1 of Hyndman and Fan, 1996)."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(counts[:, order], axis=1)
    reached = below >= share * below[:, -1:] - 1e-9
    found = values[order][np.argmax(reached, axis=1)]
    return np.where(below[:, -1] > 0, found, np.nan)


def bin_of(scores: FloatArray) -> npt.NDArray[np.int64]:
    """The bin of each score, from 0; a score on a boundary is in the upper bin, 1 in the last."""
    return np.minimum((scores * BINS).astype(np.int64), BINS - 1)


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """What happens when only answers with ``threshold`` or more are given.

    ``coverage`` is the share of all questions that are then answered, ``risk`` the share of wrong ones
    among these answers.
    """

    threshold: float
    coverage: float
    risk: float


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """The cases with a score in [low, high): their number, mean score, and share of right ones."""

    low: float
    high: float
    cases: int
    mean_score: float
    accuracy: float


def risk_points(scores: FloatArray, wrong: BoolArray, questions: int) -> tuple[RiskPoint, ...]:
    """The risk-coverage curve (El-Yaniv and Wiener, JMLR 11, 2010): a point for each score, highest first.

    Args:
        questions: of which the scored ones are those answered at most.
    """
    order, starts = _groups(-scores)
    ends = np.append(starts, scores.size)[1:]
    errors = np.cumsum(wrong[order])
    return tuple(
        RiskPoint(float(scores[order[start]]), int(end) / questions, float(errors[end - 1]) / int(end))
        for start, end in zip(starts, ends, strict=True)
    )


def calibration_bins(scores: FloatArray, right: BoolArray) -> tuple[CalibrationBin, ...]:
    """The bins of ``expected_calibration_error`` that hold a case, in order: a reliability diagram."""
    bins = bin_of(scores)
    return tuple(
        CalibrationBin(
            low=number / BINS,
            high=(number + 1) / BINS,
            cases=int(inside.sum()),
            mean_score=float(scores[inside].mean()),
            accuracy=float(right[inside].mean()),
        )
        for number in range(BINS)
        if (inside := bins == number).any()
    )


def _groups(scores: FloatArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The order of rising scores, and where in it each distinct score begins."""
    order = np.argsort(scores, kind="stable")
    return order, np.unique(scores[order], return_index=True)[1]


def _sums(ordered: FloatArray, starts: npt.NDArray[np.int64]) -> FloatArray:
    """The sum of each group; shape (draws, groups)."""
    if not starts.size:
        return np.zeros((len(ordered), 0))
    return np.add.reduceat(ordered, starts, axis=1)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
