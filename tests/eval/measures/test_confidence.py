"""Evidence is judged over the cases that it decided."""

from __future__ import annotations

import pytest

from eval.measures.confidence import calibration, confidence_figures, risk_coverage
from eval.measures.slices import case_slices, source_clusters
from tests.eval.metrics.records import answered, case, failed, refused

RECORDS = (
    answered(case("right", "Rome"), "Rome.", evidence=0.9),
    answered(case("wrong", "Rome"), "Oslo.", evidence=0.6),
    answered(case("invented", answerable=False), "Rome.", evidence=0.7),
    refused(case("refused wrongly", "Rome", tags=("hard",)), evidence=0.3),
    refused(case("refused", answerable=False, tags=("hard",)), evidence=0.2),
    failed(case("failed", "Rome")),
)


def test_figures_are_over_the_cases_that_they_say() -> None:
    figures = {figure.name: figure for figure in confidence_figures(RECORDS)}
    assert {name: figure.value for name, figure in figures.items()} == {
        "answerable_auroc": pytest.approx(4 / 6),
        "right_auroc": 1.0,
        "aurc": pytest.approx((0 + 1 / 2 + 2 / 3) / 3),
        "ece": pytest.approx((0.1 + 0.6 + 0.7) / 3),
    }


def test_a_slice_without_an_answer_has_no_risk() -> None:
    hard = case_slices(RECORDS)["tag:hard"]
    figures = {figure.name: figure.of(hard) for figure in confidence_figures(RECORDS)}
    assert figures["answerable_auroc"].value == 1.0
    assert figures["aurc"].value is None
    assert figures["aurc"].interval(source_clusters(RECORDS)) is None


def test_each_figure_has_an_interval_that_holds_it() -> None:
    records = [
        answered(case(str(number), "Rome"), "Rome." if number % 3 else "Oslo.", evidence=number / 50)
        for number in range(50)
    ]
    records += [refused(case(f"-{number}", answerable=False), evidence=number / 40) for number in range(20)]
    for figure in confidence_figures(records):
        interval = figure.interval(source_clusters(records))
        assert interval is not None
        assert figure.value is not None
        assert interval.low <= figure.value <= interval.high


def test_coverage_is_of_all_cases_that_did_not_fail() -> None:
    assert [(point.coverage, point.risk) for point in risk_coverage(RECORDS)] == [
        (pytest.approx(1 / 5), 0.0),
        (pytest.approx(2 / 5), pytest.approx(1 / 2)),
        (pytest.approx(3 / 5), pytest.approx(2 / 3)),
    ]


def test_calibration_is_of_the_answers_given() -> None:
    assert [(bin_.low, bin_.accuracy) for bin_ in calibration(RECORDS)] == [
        (0.6, 0.0),
        (0.7, 0.0),
        (0.9, 1.0),
    ]


def test_a_run_without_an_answer_has_no_curve() -> None:
    records = [failed(case("x", "y"))]
    assert (risk_coverage(records), calibration(records)) == ((), ())
    assert {figure.value for figure in confidence_figures(records)} == {None}
