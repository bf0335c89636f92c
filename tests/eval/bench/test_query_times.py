"""Times of queries are told by their percentiles, and memory by whose it is."""

from __future__ import annotations

import time

import numpy as np
import pytest

from eval.bench.query_times import summarize, time_queries
from eval.bench.resident import Resident, resident


def test_percentiles_are_of_the_measured_times() -> None:
    times = summarize([float(ms) for ms in range(1, 102)], 0.5)
    assert (times.queries, times.p50_ms, times.p95_ms, times.p99_ms) == (101, 51.0, 96.0, 100.0)
    assert times.per_second == pytest.approx(1_000 / 51)


def test_every_query_is_asked_once_and_in_order() -> None:
    asked: list[int] = []
    assert time_queries(asked.append, 5).queries == 5
    assert asked == [0, 1, 2, 3, 4]


def test_a_slow_search_is_stopped_when_its_time_is_over() -> None:
    times = time_queries(lambda _number: time.sleep(0.02), 1_000, seconds=0.05)
    assert 1 <= times.queries < 10
    assert times.p50_ms >= 20.0
    assert times.cpu_ms < 20.0


def test_memory_that_is_taken_is_seen() -> None:
    before = resident()
    held = np.ones(8_000_000, dtype=np.float64)
    assert resident().since(before).own >= 0.9 * held.nbytes


def test_what_was_added_is_a_difference() -> None:
    assert Resident(30, 5).since(Resident(10, 7)) == Resident(20, -2)
