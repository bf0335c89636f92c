"""What an evaluation found, as a value, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from eval.measures import (
    Measure,
    answer_measures,
    by_language,
    document_found_measure,
    intervals_of,
    values_of,
)
from eval.retrieval import RetrievalRun, query_clusters, retrieval_measures
from eval.run import AnswerRun, Failure
from eval.significance import Interval
from service.retrieve_mode import SearchMode

Figures = Mapping[str, float | None]
Intervals = Mapping[str, Interval | None]


@dataclass(frozen=True, slots=True)
class Slice:
    """The figures of a part of the cases."""

    cases: int
    metrics: Figures


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """Figures of a retrieval run.

    ``passages`` is how many chunks each search asked for: where documents have several chunks, fewer
    than 100 documents may be among them, and Recall@100 is a lower bound. ``unsearchable`` counts the
    queries without a word to search for, which found nothing. The intervals draw the queries about one
    document together (see ``eval.retrieval.query_clusters``).
    """

    dataset: str
    collection: str
    snapshot: str
    mode: SearchMode
    passages: int
    queries: int
    unsearchable: int
    metrics: Figures
    intervals: Intervals
    latency_ms: Mapping[str, float]
    languages: Mapping[str, Slice]

    def to_json(self) -> dict[str, object]:
        """The report in the form that ``troika eval retrieval --json`` prints."""
        return {
            "dataset": self.dataset,
            "collection": self.collection,
            "snapshot": self.snapshot,
            "mode": self.mode.value,
            "passages": self.passages,
            "queries": self.queries,
            "unsearchable": self.unsearchable,
            "metrics": _rounded(self.metrics),
            "intervals": _pairs(self.intervals),
            "latency_ms": _rounded(self.latency_ms),
            "languages": _slices(self.languages, "queries"),
        }


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """Figures of an answer run; ``collection`` and ``snapshot`` are None for an oracle run."""

    collection: str | None
    snapshot: str | None
    generator: str
    prompt_id: str
    release: str
    cases: int
    metrics: Figures
    intervals: Intervals
    languages: Mapping[str, Slice]
    latency_ms: Mapping[str, float]
    failures: Sequence[Failure]

    def to_json(self) -> dict[str, object]:
        """The report in the form that ``troika eval answers --json`` prints."""
        return {
            "collection": self.collection,
            "snapshot": self.snapshot,
            "generator": self.generator,
            "prompt_id": self.prompt_id,
            "release": self.release,
            "cases": self.cases,
            "metrics": _rounded(self.metrics),
            "intervals": _pairs(self.intervals),
            "languages": _slices(self.languages, "cases"),
            "latency_ms": _rounded(self.latency_ms),
            "failures": [{"id": f.case_id, "code": f.code, "reason": f.message} for f in self.failures],
        }


def report_retrieval(
    run: RetrievalRun, *, dataset: str, collection: str, snapshot: str, mode: SearchMode, passages: int
) -> RetrievalReport:
    """Measure a retrieval run."""
    measures = retrieval_measures(run)
    clusters = query_clusters(run.queries)
    return RetrievalReport(
        dataset=dataset,
        collection=collection,
        snapshot=snapshot,
        mode=mode,
        passages=passages,
        queries=len(run.queries),
        unsearchable=run.unsearchable,
        metrics=values_of(measures),
        intervals=intervals_of(measure.by_cluster(clusters) for measure in measures),
        latency_ms=percentiles(run.latencies_ms.tolist()),
        languages=_by_language([query.language for query in run.queries], measures),
    )


def report_answers(run: AnswerRun, *, collection: str | None, snapshot: str | None) -> AnswerReport:
    """Measure an answer run, which must hold at least one outcome."""
    measures = (*answer_measures(run.outcomes), document_found_measure(run.outcomes))
    answers = [outcome.answer for outcome in run.outcomes]
    return AnswerReport(
        collection=collection,
        snapshot=snapshot,
        generator=", ".join(sorted({answer.generator for answer in answers})),
        prompt_id=answers[0].prompt_id,
        release=answers[0].release,
        cases=len(run.outcomes) + len(run.failures),
        metrics=values_of(measures),
        intervals=intervals_of(measures),
        languages=_by_language([outcome.case.language for outcome in run.outcomes], measures),
        latency_ms=percentiles([outcome.total_ms for outcome in run.outcomes]),
        failures=run.failures,
    )


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """The median and the 99th percentile."""
    p50, p99 = np.percentile(milliseconds, [50.0, 99.0])
    return {"p50": float(p50), "p99": float(p99)}


def retrieval_lines(report: RetrievalReport) -> Group:
    """The report for a person at a terminal."""
    times = f"p50 {report.latency_ms['p50']:.1f} ms, p99 {report.latency_ms['p99']:.1f} ms"
    heading = f"{report.dataset} · {report.mode} · {report.queries} queries · {times}"
    return Group(Text(heading), _table(report.metrics, report.intervals, report.languages))


def answer_lines(report: AnswerReport) -> Group:
    """The report for a person at a terminal."""
    where = "oracle" if report.collection is None else report.collection
    failed = f" · {len(report.failures)} failed" if report.failures else ""
    heading = f"{where} · {report.generator} · {report.release} · {report.cases} cases{failed}"
    return Group(Text(heading), _table(report.metrics, report.intervals, report.languages))


def _table(metrics: Figures, intervals: Intervals, languages: Mapping[str, Slice]) -> Table:
    table = Table()
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for language, part in languages.items():
        table.add_column(f"{language} ({part.cases})", justify="right")
    for name, value in metrics.items():
        interval = intervals[name]
        between = "–" if interval is None else f"{interval.low:.3f} – {interval.high:.3f}"
        table.add_row(name, _shown(value), between, *(_shown(p.metrics[name]) for p in languages.values()))
    return table


def _by_language(languages: Sequence[str], measures: Sequence[Measure]) -> dict[str, Slice]:
    return {
        language: Slice(int(chosen.sum()), values_of([measure.of(chosen) for measure in measures]))
        for language, chosen in by_language(languages).items()
    }


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _rounded(figures: Figures) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 6) for name, value in figures.items()}


def _pairs(intervals: Intervals) -> dict[str, list[float] | None]:
    return {
        name: None if interval is None else [round(interval.low, 6), round(interval.high, 6)]
        for name, interval in intervals.items()
    }


def _slices(slices: Mapping[str, Slice], counted: str) -> dict[str, object]:
    return {name: {counted: part.cases, "metrics": _rounded(part.metrics)} for name, part in slices.items()}
