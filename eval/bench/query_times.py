"""How long the queries of one run took, and what they cost the processor."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class QueryTimes:
    """Wall times of ``queries`` calls one after the other, and the mean processor time of one; milliseconds.

    On a machine that others use the processor time is the steadier figure.
    """

    queries: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_ms: float

    @property
    def per_second(self) -> float:
        """Queries a second of one thread, by the median."""
        return 1_000.0 / self.p50_ms


def time_queries(ask: Callable[[int], object], queries: int, *, seconds: float = float("inf")) -> QueryTimes:
    """Call ``ask`` with 0, 1, … up to ``queries`` times, and stop early after ``seconds``."""
    times: list[float] = []
    deadline = time.perf_counter() + seconds
    cpu = time.process_time()
    for number in range(queries):
        started = time.perf_counter()
        ask(number)
        ended = time.perf_counter()
        times.append((ended - started) * 1e3)
        if ended > deadline:
            break
    return summarize(times, (time.process_time() - cpu) * 1e3 / len(times))


def summarize(milliseconds: Sequence[float], cpu_ms: float) -> QueryTimes:
    """The percentiles of measured times."""
    p50, p95, p99 = map(float, np.percentile(milliseconds, [50.0, 95.0, 99.0]))
    return QueryTimes(len(milliseconds), p50, p95, p99, cpu_ms)
