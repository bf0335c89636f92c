"""The figures of a suite as the tables of a README."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eval.reports.answer_report import AnswerReport
from eval.retrieval.table import table_markdown
from eval.suite.run import AnswerResult, SuiteResult

_ANSWER_COLUMNS = {
    "f1": "F1",
    "em": "EM",
    "citation_precision": "citation precision",
    "citation_recall": "citation recall",
    "unsupported_sentence_rate": "unsupported sentences",
    "refusal_recall": "unanswerable refused",
    "false_refusal_rate": "answerable refused",
}
_ABILITIES = {
    **{f"noise_robustness@{level}": f"noise {level}" for level in ("0.0", "0.2", "0.4", "0.6", "0.8")},
    "negative_rejection": "rejection",
    "information_integration": "integration",
    "counterfactual_accuracy": "counterfactual",
    "error_repetition": "error repeated",
}
_LATENCY = "total"


def suite_markdown(result: SuiteResult) -> str:
    """One table for retrieval, one for answers, one for RGB's abilities; those without a row are left out.

    Each figure stands with its 95 % interval in parentheses.
    """
    from_corpus = [found for found in result.answers if found.report.identity.collection is not None]
    from_passages = [found for found in result.answers if found.report.identity.collection is None]
    tables = (
        table_markdown(result.retrieval) if result.retrieval else "",
        _table(from_corpus, _ANSWER_COLUMNS),
        _table(from_passages, _ABILITIES),
    )
    return "\n\n".join(table for table in tables if table)


def _table(results: Sequence[AnswerResult], columns: dict[str, str]) -> str:
    if not results:
        return ""
    measured = {
        name: title for name, title in columns.items() if any(_has(found.report, name) for found in results)
    }
    header = ["cases of", "generator", "cases", *measured.values(), "p50, ms"]
    rule = ["---", "---", *("---:" for _ in header[2:])]
    rows = (list(_cells(found, list(measured))) for found in results)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def _cells(found: AnswerResult, names: Sequence[str]) -> Iterator[str]:
    report = found.report
    yield found.name
    yield found.generator.value
    yield str(report.whole.cases)
    yield from (_figure(report, name) for name in names)
    yield f"{report.times[_LATENCY].p50:.0f}" if _LATENCY in report.times else "–"


def _has(report: AnswerReport, name: str) -> bool:
    return report.whole.figure(name) is not None


def _figure(report: AnswerReport, name: str) -> str:
    figure = report.whole.figure(name)
    if figure is None or figure.value is None:
        return "–"
    between = "" if figure.interval is None else f" ({figure.interval.low:.2f} … {figure.interval.high:.2f})"
    return f"{figure.value:.3f}{between}"
