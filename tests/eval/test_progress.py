"""Whoever watches a run sees its figures so far."""

from __future__ import annotations

import dataclasses
import io
import re

import pytest
from rich.console import Console

from eval import progress
from eval.cases.case import Case
from eval.progress import RunningFigures, show_figures
from eval.runs.record import AnswerRecord, CaseRecord, Failure, failed_record

CASE = Case("a", "Which rank?", "en", ("eight",), True)
ANSWER = AnswerRecord(
    "Eight [1].", "en", False, 0.9, 1.0, 0, None, None, "g", "p1", "base", "s1", (), (), {}, 1, 1
)
RIGHT = CaseRecord(CASE, ANSWER)
REFUSED = CaseRecord(CASE, dataclasses.replace(ANSWER, abstained=True))
FAILED = failed_record(CASE, Failure("generator_failed", "it broke."), 1.0)
UNANSWERABLE = CaseRecord(dataclasses.replace(CASE, answers=(), answerable=False), ANSWER)


def test_a_refused_or_failed_case_counts_as_no_word_right() -> None:
    figures = RunningFigures()
    for record in (RIGHT, RIGHT, REFUSED, FAILED, UNANSWERABLE):
        figures.add(record)
    assert str(figures) == "3 answered, 1 refused, F1 0.500, 1 failed"
    assert figures.count == 5
    assert figures.first_failure == FAILED.failure


def test_without_answerable_cases_there_is_no_f1() -> None:
    figures = RunningFigures()
    figures.add(UNANSWERABLE)
    assert str(figures) == "1 answered, 0 refused"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_figures_are_shown_beside_a_bar_or_in_lines(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()

    def console(*, stderr: bool) -> Console:
        assert stderr
        return Console(file=shown, force_terminal=is_terminal, width=120)

    monkeypatch.setattr(progress, "Console", console)
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.0)
    figures = RunningFigures(answered=1)
    with show_figures("set", 4, figures) as changed:
        figures.add(RIGHT)
        changed()
    text = re.sub(r"\x1b\[[\d;?]*\w", "", shown.getvalue())
    assert "2 answered, 0 refused, F1 1.000" in text
    assert ("set: 2 of 4 cases" in text) is not is_terminal
    assert ("2/4" in text) is is_terminal


def test_lines_come_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    figures = RunningFigures()
    with show_figures("set", 4, figures) as changed:
        figures.add(RIGHT)
        changed()
    assert capsys.readouterr() == ("", "")
