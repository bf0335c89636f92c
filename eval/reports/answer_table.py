"""The figures of an answer run for a person at a terminal."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from eval.reports.answer_report import AnswerReport
from eval.reports.figure import Slice, shown
from eval.statistics.intervals import Interval


def answer_lines(report: AnswerReport) -> Group:
    """What was measured, each figure with its interval and those of the languages beside it."""
    identity = report.identity
    where = "oracle" if identity.collection is None else identity.collection
    failed = f" · {len(report.failures)} failed" if report.failures else ""
    heading = f"{where} · {identity.generator} · {identity.release} · {report.whole.cases} cases{failed}"
    wrong = ", ".join(f"{count} {diagnosis}" for diagnosis, count in report.diagnoses.items() if count)
    return Group(Text(heading), _table(report), Text(f"diagnoses: {wrong or 'none'}"))


def _table(report: AnswerReport) -> Table:
    table = Table()
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    languages = [part for part in report.slices if part.name.startswith("language:")]
    for part in languages:
        name = Text(f"{part.name.removeprefix('language:')} ({part.cases})")
        table.add_column(name, justify="right")
    for figure in report.whole.figures:
        if figure.value is not None:
            values = (shown(_value(part, figure.name)) for part in languages)
            table.add_row(figure.name, shown(figure.value), _between(figure.interval), *values)
    return table


def _between(interval: Interval | None) -> str:
    return "–" if interval is None else f"{shown(interval.low)} – {shown(interval.high)}"


def _value(part: Slice, name: str) -> float | None:
    figure = part.figure(name)
    return None if figure is None else figure.value
