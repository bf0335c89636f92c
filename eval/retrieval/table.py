"""Several data sets in several modes side by side: what fusion gains over the better of its two parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from eval.retrieval.report import RetrievalReport
from eval.retrieval.run import RetrievalRun, query_clusters, retrieval_measures
from eval.statistics.intervals import Interval
from eval.statistics.significance import gain_interval
from service.retrieval.retrieve_mode import SearchMode

NDCG, RECALL = "ndcg@10", "recall@100"


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much hybrid search is above the better of its parts on the same queries."""

    over: SearchMode
    mean: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class SetResult:
    """A data set: a report for each mode, and the gains by measure where all modes were run."""

    reports: Mapping[SearchMode, RetrievalReport]
    gains: Mapping[str, Gain]

    def to_json(self) -> dict[str, object]:
        """The form that ``troika eval retrieval --json`` prints for each of several sets."""
        first = next(iter(self.reports.values()))
        return {
            "dataset": first.dataset,
            "queries": first.queries,
            "modes": {mode.value: report.to_json() for mode, report in self.reports.items()},
            "gains": {
                name: {
                    "over": gain.over.value,
                    "mean": round(gain.mean, 6),
                    "interval": [round(gain.interval.low, 6), round(gain.interval.high, 6)],
                }
                for name, gain in self.gains.items()
            },
        }


def gains_of_fusion(runs: Mapping[SearchMode, RetrievalRun]) -> dict[str, Gain]:
    """Hybrid minus the better part in nDCG@10 and Recall@100, paired by query.

    {} without all three modes, or where all queries are about one document.
    """
    if set(runs) != set(SearchMode):
        return {}
    measured = {
        mode: {measure.name: measure for measure in retrieval_measures(run)} for mode, run in runs.items()
    }
    clusters = query_clusters(runs[SearchMode.HYBRID].queries)
    if clusters.max() == 0:
        return {}
    found: dict[str, Gain] = {}
    for name in (NDCG, RECALL):
        by_mode = {mode: measures[name] for mode, measures in measured.items()}
        hybrid = by_mode.pop(SearchMode.HYBRID)
        over, best = max(by_mode.items(), key=lambda item: item[1].numerators.mean())
        gains = hybrid.numerators - best.numerators
        found[name] = Gain(over, float(gains.mean()), gain_interval(gains, clusters))
    return found


def table_lines(results: Sequence[SetResult]) -> Table:
    """The results for a person at a terminal."""
    header, *rows = _cells(results)
    table = Table(header[0])
    for name in header[1:]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def table_markdown(results: Sequence[SetResult]) -> str:
    """The results as a table in Markdown."""
    header, *rows = _cells(results)
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def _cells(results: Sequence[SetResult]) -> Iterator[list[str]]:
    """The header, and a row for each set; intervals stand in parentheses."""
    modes = list(results[0].reports)
    yield [
        "data set",
        "queries",
        *(f"nDCG@10 {mode}" for mode in modes),
        "gain",
        *(f"Recall@100 {mode}" for mode in modes),
        "gain",
        *(f"p50 ms {mode}" for mode in modes),
    ]
    for result in results:
        reports = list(result.reports.values())
        ndcg = [f"{_figure(report, NDCG)}{_between(report.intervals[NDCG], '.3f')}" for report in reports]
        yield [
            reports[0].dataset,
            str(reports[0].queries),
            *ndcg,
            _gain(result, NDCG),
            *(_figure(report, RECALL) for report in reports),
            _gain(result, RECALL),
            *(f"{report.latency_ms['p50']:.1f}" for report in reports),
        ]


def _figure(report: RetrievalReport, name: str) -> str:
    value = report.metrics[name]
    return "–" if value is None else f"{value:.3f}"


def _gain(result: SetResult, name: str) -> str:
    gain = result.gains.get(name)
    return "–" if gain is None else f"{gain.mean:+.3f}{_between(gain.interval, '+.3f')}"


def _between(interval: Interval | None, form: str) -> str:
    return "" if interval is None else f" ({interval.low:{form}} … {interval.high:{form}})"
