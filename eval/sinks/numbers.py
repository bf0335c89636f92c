"""The figures of a report as a tracking service draws them: numbers by name."""

from __future__ import annotations

from eval.reports.answer_report import AnswerReport


def numbers_of(report: AnswerReport) -> dict[str, float]:
    """The figures that have a value, with the ends of their intervals as ``NAME.low`` and ``NAME.high``.

    Counts of diagnoses and times follow, under ``diagnosis/…`` and ``time_ms/…``.
    """
    numbers: dict[str, float] = {}
    for figure in report.whole.figures:
        if figure.value is not None:
            numbers[figure.name] = figure.value
        if figure.interval is not None:
            numbers[f"{figure.name}.low"] = figure.interval.low
            numbers[f"{figure.name}.high"] = figure.interval.high
    numbers |= {f"diagnosis/{diagnosis}": float(count) for diagnosis, count in report.diagnoses.items()}
    for name, times in report.times.items():
        numbers |= {f"time_ms/{name}/p50": times.p50, f"time_ms/{name}/p95": times.p95}
    return numbers
