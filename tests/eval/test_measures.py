"""Outcomes add up to the documented rates."""

from __future__ import annotations

import pytest

from eval.cases.case import Case, Relevant
from eval.measures import answer_measures, values_of
from eval.report import answer_lines, report_answers
from eval.run import AnswerRun, Failure, run_answers
from service.retrieve_mode import SearchMode
from tests.eval.fakes import FakePipeline, shown

HYBRID = SearchMode.HYBRID
PIPELINE = FakePipeline(
    texts={"file:///a.md": "Alpha is first.", "file:///b.md": "Beta is second."},
    says={
        "Alpha": ("file:///a.md", "first [1]"),
        "Beta": ("file:///a.md", "it is second"),
        "无": ("file:///a.md", "乱说"),
    },
)
CASES = (
    Case("right", "Alpha", "en", ("First.",), True, (Relevant("a.md", "is first"),)),
    Case("wrong source", "Beta", "en", ("second",), True, (Relevant("b.md"),)),
    Case("refused wrongly", "Delta", "en", ("fourth",), True, (Relevant("b.md"),)),
    Case("refused rightly", "Gamma", "en", (), False),
    Case("answered wrongly", "无", "zh", (), False),
)


@pytest.fixture
async def ran() -> AnswerRun:
    return await run_answers(PIPELINE, PIPELINE, CASES, HYBRID)


@pytest.mark.anyio
async def test_every_rate_counts_the_cases_it_says(ran: AnswerRun) -> None:
    assert values_of(answer_measures(ran.outcomes)) == {
        "em": pytest.approx(1 / 3),
        "f1": pytest.approx((1.0 + 0.5 + 0.0) / 3),
        "answer_contains": pytest.approx(2 / 3),
        "refusal_precision": pytest.approx(1 / 2),
        "refusal_recall": pytest.approx(1 / 2),
        "false_refusal_rate": pytest.approx(1 / 3),
        "cited": pytest.approx(1.0),
        "citation_validity": pytest.approx(1.0),
        "citation_precision": pytest.approx(1 / 2),
        "citation_recall": pytest.approx(1 / 3),
        "groundedness": pytest.approx(1.0),
        "degraded": 0.0,
    }


@pytest.mark.anyio
async def test_the_report_has_intervals_and_a_slice_per_language(ran: AnswerRun) -> None:
    run = AnswerRun(ran.outcomes, (Failure("x", "generator_failed", "broke"),))
    report = report_answers(run, collection="c", snapshot="s")
    document = report.to_json()
    assert document["cases"] == 6
    assert document["failures"] == [{"id": "x", "code": "generator_failed", "reason": "broke"}]
    assert {language: part.cases for language, part in report.languages.items()} == {"en": 4, "zh": 1}
    assert report.languages["zh"].metrics["refusal_recall"] == 0.0
    assert report.languages["zh"].metrics["em"] is None
    assert report.metrics["document_in_top_5"] == 1.0
    for name, value in report.metrics.items():
        interval = report.intervals[name]
        assert value is not None
        assert interval is not None
        assert interval.low <= value <= interval.high
    lines = shown(answer_lines(report))
    assert lines.startswith("c · fake · base · 6 cases · 1 failed")
    assert "refusal_precision" in lines
