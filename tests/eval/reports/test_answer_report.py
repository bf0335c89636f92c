"""The report of a run: the same bytes for the same answers, whatever the order of their records."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from eval.measures.answers import answer_measures
from eval.reports.answer_report import CURVE_POINTS, AnswerReport, report_answers
from eval.reports.answer_table import answer_lines
from eval.runs.record import CaseRecord
from tests.eval.fakes import shown
from tests.eval.reports.records import ANSWER, IDENTITY, RECORDS, RIGHT


def made(records: Sequence[CaseRecord]) -> AnswerReport:
    ordered = sorted(records, key=lambda record: record.case.id)
    return report_answers(IDENTITY, ordered, answer_measures(ordered))


def document(report: AnswerReport) -> dict[str, Any]:
    return json.loads(report.canonical_json())


@pytest.fixture(scope="module")
def report() -> AnswerReport:
    return made(RECORDS)


def test_a_report_says_what_it_is_of(report: AnswerReport) -> None:
    written = document(report)
    assert written["schema"] == 1
    assert written["run"]["cases_sha256"] == IDENTITY.cases_sha256
    assert written["run"]["libraries"] == {"numpy": "2.4.0"}
    assert "created_at" not in written["run"]
    assert written["times"]["created_at"] == IDENTITY.created_at


def test_every_figure_has_its_interval(report: AnswerReport) -> None:
    written = document(report)
    assert written["cases"] == len(RECORDS)
    assert set(written["metrics"]) == set(written["intervals"])
    low, high = written["intervals"]["refusal_recall"]
    assert low <= written["metrics"]["refusal_recall"] <= high


def test_languages_and_tags_are_slices(report: AnswerReport) -> None:
    slices = document(report)["slices"]
    assert slices["language:zh"]["cases"] == 1
    assert slices["language:zh"]["metrics"]["f1"] == 0.0
    assert slices["language:zh"]["intervals"]["f1"] is None, "one case has no interval"
    assert slices["tag:hard"]["cases"] == 1
    assert slices["tag:facts"]["cases"] == len(RECORDS)


def test_what_went_wrong_is_counted(report: AnswerReport) -> None:
    written = document(report)
    assert written["diagnoses"] == {
        "failed": 1,
        "retrieval missed": 1,
        "wrongly refused": 1,
        "generator ignored": 1,
        "unsupported": 1,
    }
    assert written["failures"] == [{"id": "failed", "code": "generator_failed", "reason": "it broke."}]


def test_times_are_kept_apart(report: AnswerReport) -> None:
    times = document(report)["times"]["latency_ms"]
    assert set(times) == {"total", "first token", "generate", "retrieve"}
    assert times["total"]["p50"] == 80.0
    assert times["total"]["answers"] == 6


def test_the_order_of_the_records_leaves_no_trace(report: AnswerReport) -> None:
    shuffled = list(RECORDS)
    random.Random(3).shuffle(shuffled)
    assert made(shuffled).canonical_json() == report.canonical_json()


def test_other_times_change_nothing_but_the_times(report: AnswerReport) -> None:
    slower = [replace(record, total_ms=2 * record.total_ms + 1) for record in RECORDS]
    first, second = document(report), document(made(slower))
    assert first.pop("times") != second.pop("times")
    assert first == second


def test_a_long_curve_is_told_by_few_points() -> None:
    many = [
        replace(RIGHT, case=replace(RIGHT.case, id=f"{n:04}"), answer=replace(ANSWER, evidence=n / 1000))
        for n in range(1000)
    ]
    curve = made(many).risk_coverage
    assert len(curve) == CURVE_POINTS
    assert (curve[0].coverage, curve[-1].coverage) == (0.001, 1.0)


def test_a_run_of_failures_alone_is_reported() -> None:
    failed = made([record for record in RECORDS if record.answer is None])
    assert failed.times == {}
    assert failed.risk_coverage == failed.calibration == ()
    assert document(failed)["metrics"]["f1"] == 0.0


def test_the_terminal_shows_figures_languages_and_diagnoses(report: AnswerReport) -> None:
    lines = shown(answer_lines(report))
    assert lines.startswith("default · llama-cpp · base · 7 cases · 1 failed")
    assert "zh (1)" in lines
    assert "refusal_precision" in lines
    assert "1 retrieval missed" in lines
