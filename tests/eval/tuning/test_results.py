"""What was measured is measured once, also by a run that comes after one that was killed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eval.tuning.objective import Measured
from eval.tuning.results import Results
from eval.tuning.space import Candidate

FIRST, SECOND = (Candidate((("retrieval.depth", depth),)) for depth in (50, 100))


class Bench:
    def __init__(self) -> None:
        self.measured: list[Candidate] = []

    def __call__(self, candidate: Candidate) -> Measured:
        self.measured.append(candidate)
        return Measured(np.array([0.1, 1 / 3]), 2.5)


def test_a_later_run_reads_what_an_earlier_one_measured(tmp_path: Path) -> None:
    bench, path = Bench(), tmp_path / "results.jsonl"
    for _ in range(2):
        results = Results(path, bench, None)
        found = results.measured(FIRST)
        assert found.values.tolist() == [0.1, 1 / 3]
        assert found.p95_ms == 2.5
        assert list(results.met) == [FIRST]
    assert bench.measured == [FIRST]


def test_a_line_that_was_cut_off_is_measured_again_and_harms_no_other(tmp_path: Path) -> None:
    bench, path = Bench(), tmp_path / "results.jsonl"
    results = Results(path, bench, None)
    results.measured(FIRST)
    results.measured(SECOND)
    path.write_bytes(path.read_bytes()[:-5])
    again = Results(path, bench, None)
    again.measured(FIRST)
    again.measured(SECOND)
    assert bench.measured == [FIRST, SECOND, SECOND]
    last = Results(path, bench, None)
    last.measured(SECOND)
    assert bench.measured == [FIRST, SECOND, SECOND]


def test_after_the_time_is_over_only_what_is_known_is_given(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl", Bench(), 0.0)
    assert results.in_time(FIRST) is None
    results.measured(FIRST)
    assert results.in_time(FIRST) is not None
