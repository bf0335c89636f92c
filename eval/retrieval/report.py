"""What a retrieval run found, as a value, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from eval.measures.measure import Measure, intervals_of, values_of
from eval.measures.slices import by_label
from eval.retrieval.run import RetrievalRun, query_clusters, retrieval_measures
from eval.statistics.intervals import Interval
from service.retrieval.retrieve_mode import SearchMode

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
    document together (see ``eval.retrieval.run.query_clusters``).
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
    tags: Mapping[str, Slice]

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
            "tags": _slices(self.tags, "queries"),
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
        languages=_parts([(query.language,) for query in run.queries], measures),
        tags=_parts([query.tags for query in run.queries], measures),
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


def _parts(labels: Sequence[Sequence[str]], measures: Sequence[Measure]) -> dict[str, Slice]:
    return {
        label: Slice(int(chosen.sum()), values_of([measure.of(chosen) for measure in measures]))
        for label, chosen in by_label(labels).items()
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
