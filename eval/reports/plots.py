"""The plots of a report: what is found how early, how far evidence can be trusted, how long answers take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from eval.metrics.confidence import CalibrationBin, RiskPoint
from eval.metrics.retrieval import ndcg_of_ranks
from eval.plot import Axis, Line, Plot
from eval.runs.record import CaseRecord

RANKS = range(1, 11)
_SHARE = (0.0, 1.0)


def found_plot(records: Sequence[CaseRecord]) -> Plot | None:
    """The share of cases of which an expected document is among the first k; None without any."""
    return _plot_by_rank("Expected document found", "share of cases", records, _is_found)


def ndcg_plot(records: Sequence[CaseRecord]) -> Plot | None:
    """The mean nDCG@k of the expected documents; None without any."""
    return _plot_by_rank("nDCG of the expected documents", "nDCG@k", records, ndcg_of_ranks)


def _plot_by_rank(
    title: str,
    what: str,
    records: Sequence[CaseRecord],
    value: Callable[[Sequence[int], int], float],
) -> Plot | None:
    """The mean of a value over the cases of each language, by how many documents are looked at."""
    ranks: dict[str, list[tuple[int, ...]]] = {}
    for record in records:
        if record.ranks is not None:
            ranks.setdefault(record.case.language, []).append(record.ranks)
    if not ranks:
        return None
    if len(ranks) > 1:
        ranks = {"all": [found for group in ranks.values() for found in group]} | dict(sorted(ranks.items()))
    lines = tuple(
        Line(
            f"{name} ({len(group)})",
            tuple((float(k), sum(value(found, k) for found in group) / len(group)) for k in RANKS),
        )
        for name, group in ranks.items()
    )
    return Plot(title, Axis("among the first k"), Axis(what, ends=_SHARE), lines)


def _is_found(ranks: Sequence[int], k: int) -> float:
    return float(any(0 < rank <= k for rank in ranks))


def risk_plot(points: Sequence[RiskPoint]) -> Plot | None:
    """The share of wrong answers if only so many questions were answered, surest first; None without any."""
    if not points:
        return None
    curve = Line("evidence", tuple((point.coverage, point.risk) for point in points))
    as_run = Line("as it was run", ((points[-1].coverage, points[-1].risk),))
    return Plot(
        "Risk and coverage",
        Axis("share of questions answered", ends=_SHARE),
        Axis("share of wrong answers", ends=_SHARE),
        (curve, as_run),
    )


def calibration_plot(bins: Sequence[CalibrationBin]) -> Plot | None:
    """The share of right answers by their evidence, with what it would be if evidence were honest."""
    if not bins:
        return None
    honest = Line("honest", ((0.0, 0.0), (1.0, 1.0)), dashed=True)
    found = Line("answers", tuple((part.mean_score, part.accuracy) for part in bins))
    return Plot(
        "Calibration",
        Axis("evidence, mean of a tenth", ends=_SHARE),
        Axis("share of right answers", ends=_SHARE),
        (found, honest),
    )


def time_plot(times: Mapping[str, Sequence[float]]) -> Plot | None:
    """The share of answers that came within a time, whole and their first token; None without any."""
    lines = tuple(
        Line(name, _share_within(times[name])) for name in ("total", "first token") if name in times
    )
    if not lines:
        return None
    return Plot(
        "Time to answer", Axis("milliseconds", logarithmic=True), Axis("share of answers", ends=_SHARE), lines
    )


def _share_within(milliseconds: Sequence[float]) -> tuple[tuple[float, float], ...]:
    shares = np.linspace(0.0, 1.0, 101)
    # A logarithmic axis has no place for 0; a microsecond is nothing here.
    reached = np.maximum(np.quantile(milliseconds, shares), 1e-3)
    return tuple(zip(reached.tolist(), shares.tolist(), strict=True))
