"""Whether ``evidence``, by which the service answers or abstains, tells right answers from wrong ones.

Evidence is read as it is, as the probability that the answer is right: no mapping is fitted, for one fitted
on the cases at hand would be calibrated by construction. Cases that failed have no evidence and are left
out. What is wrong is decided by words (``eval.metrics.correctness.is_right``): an answer to an unanswerable
question is wrong, a refusal is no answer, and a case that has no reference is left out. Below
``answer.min_evidence`` the service refuses, so the curves end there: a run with 0 shows them whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from eval.measures.measure import BoolArray, Direction, FloatArray, WeightedFigure
from eval.metrics.confidence import (
    CalibrationBin,
    RiskPoint,
    aurc,
    auroc,
    calibration_bins,
    expected_calibration_error,
    risk_points,
)
from eval.metrics.correctness import given_answer, has_references, is_right
from eval.runs.record import CaseRecord


def confidence_figures(records: Sequence[CaseRecord]) -> tuple[WeightedFigure, ...]:
    """How well evidence separates, and how honest it is: the formulas are in ``eval.metrics.confidence``.

    ``answerable_auroc``: answerable from unanswerable questions, over all cases that did not fail.
    ``right_auroc``, ``aurc`` and ``ece``: right answers from wrong ones, over the answers that can be judged.
    """
    scores = np.array([record.answer.evidence if record.answer else 0.0 for record in records])
    answerable = np.array([record.case.answerable for record in records], dtype=np.bool_)
    right = np.array([is_right(record) for record in records], dtype=np.bool_)
    ended = np.array([record.answer is not None for record in records], dtype=np.float64)
    given = np.array(
        [given_answer(record) is not None and _can_be_judged(record) for record in records], dtype=np.float64
    )
    higher, lower = Direction.HIGHER, Direction.LOWER
    return (
        WeightedFigure("answerable_auroc", ended, partial(auroc, scores, answerable), higher),
        WeightedFigure("right_auroc", given, partial(auroc, scores, right), higher),
        WeightedFigure("aurc", given, partial(aurc, scores, ~right), lower),
        WeightedFigure("ece", given, partial(expected_calibration_error, scores, right), lower),
    )


def risk_coverage(records: Sequence[CaseRecord]) -> tuple[RiskPoint, ...]:
    """The share of wrong answers by the share of questions answered, at every threshold of evidence.

    Coverage is of the cases that can be judged and did not fail: the last point is the service as it was.
    """
    scores, right = _judged(records)
    questions = [record for record in records if record.answer is not None and _can_be_judged(record)]
    return risk_points(scores, ~right, len(questions))


def calibration(records: Sequence[CaseRecord]) -> tuple[CalibrationBin, ...]:
    """The share of right answers by evidence, in the bins of the ECE that hold an answer."""
    return calibration_bins(*_judged(records))


def _judged(records: Sequence[CaseRecord]) -> tuple[FloatArray, BoolArray]:
    """The evidence of each answer that can be judged, and whether it is right."""
    judged = [
        (answer.evidence, is_right(record))
        for record in records
        if (answer := given_answer(record)) is not None and _can_be_judged(record)
    ]
    return np.array([score for score, _ in judged]), np.array([right for _, right in judged], dtype=np.bool_)


def _can_be_judged(record: CaseRecord) -> bool:
    return has_references(record) or not record.case.answerable
