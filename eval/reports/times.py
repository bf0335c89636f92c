"""How long the answers of a run took: the one part of a report that differs when a run is repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.runs.record import CaseRecord


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of a time over the answers that took it, in milliseconds."""

    p50: float
    p95: float
    p99: float
    answers: int

    def to_json(self) -> dict[str, float]:
        """The times to the microsecond, and how many they are of."""
        times = {"p50": self.p50, "p95": self.p95, "p99": self.p99}
        return {name: round(time, 3) for name, time in times.items()} | {"answers": self.answers}


def answer_times(records: Iterable[CaseRecord]) -> Mapping[str, Sequence[float]]:
    """The milliseconds of each answer: ``total``, ``first token``, then the stages of the pipeline by name.

    Cases without an answer are left out, as is each time that an answer doesn't have. The first token is
    timed where the answer is received, and the pipeline's own time of it is left out.
    """
    times: dict[str, list[float]] = {"total": [], "first token": []}
    stages: dict[str, list[float]] = {}
    for record in records:
        if record.answer is None:
            continue
        times["total"].append(record.total_ms)
        if record.first_token_ms is not None:
            times["first token"].append(record.first_token_ms)
        for stage, milliseconds in record.answer.timings_ms.items():
            if stage != "first_token":
                stages.setdefault(stage, []).append(milliseconds)
    return {name: taken for name, taken in (times | dict(sorted(stages.items()))).items() if taken}


def percentiles(milliseconds: Sequence[float]) -> Percentiles:
    """The percentiles of at least one time."""
    p50, p95, p99 = np.percentile(milliseconds, [50.0, 95.0, 99.0])
    return Percentiles(float(p50), float(p95), float(p99), len(milliseconds))
