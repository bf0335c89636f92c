"""A peer that a corpus is too large for is left out, and the reason is told."""

from __future__ import annotations

from eval.bench.peer_forecast import PeerForecast
from eval.bench.peers.names import Kind
from eval.bench.peers.peer import PeerRun
from eval.bench.query_times import QueryTimes
from eval.bench.resident import Resident

MEMORY = 24e9


def run(build_seconds: float = 1.0, own: int = 1_000_000) -> PeerRun:
    times = QueryTimes(300, 5.0, 6.0, 7.0, 5.0)
    return PeerRun("a peer", Kind.HYBRID, build_seconds, times, Resident(own, 0), None)


def test_one_that_fits_is_measured() -> None:
    assert PeerForecast([run()], 10_000).why_left_out(1_000_000, MEMORY) is None


def test_one_that_found_nothing_to_measure_is_tried_again() -> None:
    assert PeerForecast([], 10_000).why_left_out(1_000_000, MEMORY) is None


def test_one_that_would_fill_the_memory_is_left_out() -> None:
    forecast = PeerForecast([run(own=1_000_000), run(own=2_339_000_000)], 100_000)
    assert forecast.why_left_out(200_000, MEMORY) is None
    assert forecast.why_left_out(1_000_000, MEMORY) == (
        "it would hold about 23 GB, by what it held of 100,000 chunks"
    )


def test_one_that_would_build_too_long_is_left_out() -> None:
    forecast = PeerForecast([run(build_seconds=120.0)], 100_000)
    assert forecast.why_left_out(700_000, MEMORY) is None
    assert forecast.why_left_out(1_000_000, MEMORY) == (
        "it would build for 20 minutes, by what it took for 100,000 chunks"
    )
