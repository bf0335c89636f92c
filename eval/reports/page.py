"""``report.html``: one file that holds all it shows, and nothing that a document says is markup in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eval.plot import Plot, plot_svg
from eval.reports.answer_report import AnswerReport
from eval.reports.case_view import view_case
from eval.reports.diagnosis import MEANINGS, worst_cases
from eval.reports.figure import shown
from eval.reports.marked_text import LEGEND
from eval.reports.plots import calibration_plot, found_plot, ndcg_plot, risk_plot, time_plot
from eval.reports.times import answer_times
from eval.runs.record import CaseRecord, RunIdentity

WORST = 20
HEADLINES = ("f1", "answer_contains", "citation_precision", "refusal_recall", "document_in_top_5")
"""The measures that are shown first and for each slice; ``report.json`` has all of them."""


def render_page(report: AnswerReport, records: Sequence[CaseRecord]) -> str:
    """The page of a report, with the worst of its records."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        report=report,
        shown=shown,
        identity=dict(_identity(report.identity)),
        headlines=HEADLINES,
        meanings=MEANINGS,
        legend=LEGEND,
        plots=[plot_svg(plot) for plot in _plots(report, records)],
        worst=[view_case(record) for record in worst_cases(records, WORST)],
        wrong=sum(report.diagnoses.values()),
    )


def _identity(identity: RunIdentity) -> Iterator[tuple[str, object]]:
    """What is known of a run, its libraries among the rest."""
    known = asdict(identity)
    libraries = known.pop("libraries")
    yield from ((name, value) for name, value in known.items() if value is not None)
    yield from sorted(libraries.items())


def _plots(report: AnswerReport, records: Sequence[CaseRecord]) -> Iterator[Plot]:
    candidates = (
        found_plot(records),
        ndcg_plot(records),
        risk_plot(report.risk_coverage),
        calibration_plot(report.calibration),
        time_plot(answer_times(records)),
    )
    yield from (plot for plot in candidates if plot is not None)
