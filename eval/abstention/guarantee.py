"""From which score on answers may be given, so that few of them are wrong: a threshold with a guarantee.

Learn then Test (Angelopoulos et al. 2021, arXiv:2110.01052): for each threshold, the hypothesis that more
than the allowed share of its answers is wrong is tested by the exact binomial tail, and the thresholds are
gone through in an order fixed beforehand, from one that other data say is safe downwards, until a test does
not reject. Then with the stated confidence the last threshold keeps the promise, however many were tried, on
questions drawn as the cases were, each independently of the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

CONFIDENCE = 0.95
THRESHOLDS = tuple(round(step / 100, 2) for step in range(99, 0, -1))
"""Those that are tried, the strictest first."""

_PRECISION = 40
"""Halvings of an interval: closer than 1e-12."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What answers given from a threshold on come to."""

    answers: int
    wrong: int


def binomial_tail(wrong: int, answers: int, share: float) -> float:
    """The probability of at most ``wrong`` wrong ones among ``answers``, each wrong with chance ``share``."""
    if share <= 0.0 or wrong >= answers:
        return 1.0
    if share >= 1.0:
        return 0.0
    log_share, log_rest = math.log(share), math.log1p(-share)
    log_ways = math.lgamma(answers + 1)
    return min(
        1.0,
        sum(
            math.exp(
                log_ways
                - math.lgamma(count + 1)
                - math.lgamma(answers - count + 1)
                + count * log_share
                + (answers - count) * log_rest
            )
            for count in range(wrong + 1)
        ),
    )


def upper_bound(wrong: int, answers: int, confidence: float = CONFIDENCE) -> float:
    """The one-sided bound of Clopper and Pearson (1934) on the share of wrong ones; 1 without an answer."""
    low, high = (wrong / answers if answers else 1.0), 1.0
    for _ in range(_PRECISION):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if binomial_tail(wrong, answers, middle) > 1 - confidence else (low, middle)
        )
    return high


def count_from(threshold: float, scores: FloatArray, wrong: BoolArray) -> Counted:
    """The answers with ``threshold`` or more, and the wrong ones among them."""
    shown = scores >= threshold
    return Counted(int(shown.sum()), int((shown & wrong).sum()))


def safe_threshold(
    scores: FloatArray,
    wrong: BoolArray,
    other_scores: FloatArray,
    other_wrong: BoolArray,
    max_wrong: float,
    confidence: float = CONFIDENCE,
) -> float | None:
    """The lowest of ``THRESHOLDS`` that the tests reach; None where not even the first passes.

    Args:
        scores: of answers that neither the score nor the order of the tests was made with, shape (answers,).
        wrong: which of them are wrong.
        other_scores: of other answers; where these reject most clearly, the tests begin.
    """
    doubts = [_doubt(count_from(one, other_scores, other_wrong), max_wrong) for one in THRESHOLDS]
    found: float | None = None
    for threshold in THRESHOLDS[int(np.argmin(doubts)) :]:
        if _doubt(count_from(threshold, scores, wrong), max_wrong) > 1 - confidence:
            break
        found = threshold
    return found


def _doubt(counted: Counted, max_wrong: float) -> float:
    """The p value of "more than ``max_wrong`` are wrong"."""
    return binomial_tail(counted.wrong, counted.answers, max_wrong) if counted.answers else 1.0
