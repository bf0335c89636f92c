"""A score's worth is what scikit-learn says, or what can be counted by hand."""

from __future__ import annotations

import math
from typing import Protocol, cast

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics.confidence import (
    BoolArray,
    CalibrationBin,
    FloatArray,
    RiskPoint,
    aurc,
    auroc,
    calibration_bins,
    expected_calibration_error,
    risk_points,
)

SCORES = np.array([0.9, 0.8, 0.8, 0.4, 0.1])
RIGHT = np.array([True, True, False, False, True])
ONCE = np.ones((1, 5))

Cases = list[tuple[int, bool, int]]
CASES = st.lists(st.tuples(st.integers(0, 10), st.booleans(), st.integers(0, 3)), min_size=1, max_size=20)


class RocAucScore(Protocol):
    """The part of scikit-learn that the test uses."""

    def __call__(self, truth: BoolArray, scores: FloatArray, *, sample_weight: FloatArray) -> float: ...


def arrays(cases: Cases) -> tuple[FloatArray, BoolArray, FloatArray]:
    scores, right, counts = zip(*cases, strict=True)
    return np.array(scores) / 10.0, np.array(right), np.array([counts], dtype=np.float64)


@settings(max_examples=50)
@given(CASES)
def test_auroc_is_that_of_scikit_learn(cases: Cases) -> None:
    scores, right, counts = arrays(cases)
    value = float(auroc(scores, right, counts)[0])
    counted = counts[0] > 0
    if len(set(right[counted].tolist())) < 2:
        assert math.isnan(value)
        return
    reference = cast("RocAucScore", sklearn.metrics.roc_auc_score)
    assert value == pytest.approx(reference(right, scores, sample_weight=counts[0]))


def test_aurc_is_the_mean_risk_over_the_cases() -> None:
    # Risks at .9, .8, .8, .4 and .1: no wrong case of one, one of three (twice), two of four, two of five.
    expected = (0 + 1 / 3 + 1 / 3 + 2 / 4 + 2 / 5) / 5
    assert aurc(SCORES, ~RIGHT, ONCE)[0] == pytest.approx(expected)


def test_a_perfect_score_keeps_the_wrong_cases_for_the_end() -> None:
    scores = np.array([0.9, 0.8, 0.2, 0.1])
    wrong = np.array([False, False, True, True])
    assert aurc(scores, wrong, np.ones((1, 4)))[0] == pytest.approx((1 / 3 + 2 / 4) / 4)
    assert aurc(-scores, wrong, np.ones((1, 4)))[0] == pytest.approx((1 + 1 + 2 / 3 + 2 / 4) / 4)


def test_ece_is_the_mean_gap_of_the_bins() -> None:
    # Bins: [.1,.2) one right of .1; [.4,.5) one wrong of .4; [.8,.9) one of two right; [.9,1] one right.
    expected = (0.9 * 1 + 0.4 * 1 + 0.3 * 2 + 0.1 * 1) / 5
    assert expected_calibration_error(SCORES, RIGHT, ONCE)[0] == pytest.approx(expected)


def test_a_score_of_one_is_in_the_last_bin() -> None:
    assert expected_calibration_error(np.array([1.0]), np.array([True]), np.ones((1, 1)))[0] == 0.0


@settings(max_examples=50)
@given(CASES)
def test_counting_a_case_twice_is_having_it_twice(cases: Cases) -> None:
    scores, right, counts = arrays(cases)
    times = counts[0].astype(int)
    many = np.repeat(scores, times), np.repeat(right, times), np.ones((1, int(times.sum())))
    for figure in (auroc, aurc, expected_calibration_error):
        once, repeated = figure(scores, right, counts), figure(*many)
        assert once == pytest.approx(repeated, nan_ok=True)
        assert math.isnan(once[0]) or -1e-9 <= once[0] <= 1 + 1e-9


def test_each_draw_is_measured_by_itself() -> None:
    draws = np.array([[1.0, 1, 1, 1, 1], [2, 0, 0, 0, 1], [0, 0, 0, 0, 0]])
    for figure in (auroc, aurc, expected_calibration_error):
        together = figure(SCORES, RIGHT, draws)
        alone = [figure(SCORES, RIGHT, draw[None, :])[0] for draw in draws]
        assert together.tolist() == pytest.approx(alone, nan_ok=True)
        assert math.isnan(together[2])


def test_the_curves_are_the_points_behind_the_areas() -> None:
    assert risk_points(SCORES, ~RIGHT, 10) == (
        RiskPoint(0.9, 0.1, 0.0),
        RiskPoint(0.8, 0.3, 1 / 3),
        RiskPoint(0.4, 0.4, 0.5),
        RiskPoint(0.1, 0.5, 0.4),
    )
    assert calibration_bins(SCORES, RIGHT)[2] == CalibrationBin(0.8, 0.9, 2, 0.8, 0.5)
    assert len(calibration_bins(SCORES, RIGHT)) == 4


def test_no_case_has_no_points() -> None:
    none, nobody = np.empty(0), np.empty(0, dtype=np.bool_)
    assert (risk_points(none, nobody, 0), calibration_bins(none, nobody)) == ((), ())
    for figure in (auroc, aurc, expected_calibration_error):
        assert math.isnan(figure(none, nobody, np.ones((1, 0)))[0])
