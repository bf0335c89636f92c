"""A search is judged by cases that none of its trials was chosen by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from eval.statistics.significance import gain_interval
from eval.tuning.objective import FloatArray, Measured
from eval.tuning.search import Limits, cross_validate
from eval.tuning.space import Axis, Candidate, Space
from ingest.errors import CasesError

CASES = 60
EACH_ITS_OWN = np.arange(CASES)
WEIGHTS = Axis(
    "retrieval.dense_weight",
    tuple((("retrieval.dense_weight", tenths / 10),) for tenths in range(11)),
    current=5,
    is_ordered=True,
)
SPACE = Space((WEIGHTS,))
CURRENT = SPACE.at({WEIGHTS.name: 5})


@dataclass
class Judge:
    """Measures by a function of the weight, at most ``most`` candidates, and remembers them."""

    values: Callable[[float], FloatArray]
    p95_ms: Callable[[float], float] = lambda _: 1.0
    most: int = 1000
    met: dict[Candidate, Measured] = field(default_factory=dict[Candidate, Measured])

    def measured(self, candidate: Candidate) -> Measured:
        weight = dict(candidate.values)["retrieval.dense_weight"]
        assert isinstance(weight, float)
        return self.met.setdefault(candidate, Measured(self.values(weight), self.p95_ms(weight)))

    def in_time(self, candidate: Candidate) -> Measured | None:
        if candidate not in self.met and len(self.met) >= self.most:
            return None
        return self.measured(candidate)


def weight_of(candidate: Candidate) -> object:
    return dict(candidate.values)["retrieval.dense_weight"]


def peak_at(best: float) -> Callable[[float], FloatArray]:
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, CASES)
    return lambda weight: 0.8 - abs(weight - best) + noise


def test_settings_that_are_better_everywhere_are_found_and_chosen_without_each_fold() -> None:
    best, values = cross_validate(SPACE, Judge(peak_at(0.8)), EACH_ITS_OWN, Limits(20, None))
    assert weight_of(best) == 0.8
    assert values.mean() == pytest.approx(peak_at(0.8)(0.8).mean())


def test_a_gain_that_is_chance_is_seldom_established() -> None:
    def established(seed: int) -> bool:
        chance = np.random.default_rng(seed)
        phase, height = chance.uniform(0, 2 * np.pi, CASES), chance.uniform(0, 1, CASES)
        judge = Judge(lambda weight: height * np.sin(4 * weight + phase))
        _, values = cross_validate(SPACE, judge, EACH_ITS_OWN, Limits(12, None))
        return gain_interval(values - judge.measured(CURRENT).values, EACH_ITS_OWN).low > 0

    assert sum(map(established, range(10))) <= 1


def test_what_is_too_slow_is_not_chosen_however_good_it_is() -> None:
    judge = Judge(peak_at(0.9), p95_ms=lambda weight: 100 * weight)
    best, _ = cross_validate(SPACE, judge, EACH_ITS_OWN, Limits(20, 70.0))
    assert weight_of(best) == 0.7


def test_the_fastest_is_chosen_where_all_are_too_slow() -> None:
    judge = Judge(peak_at(0.9), p95_ms=lambda weight: 100 - 10 * weight)
    best, _ = cross_validate(SPACE, judge, EACH_ITS_OWN, Limits(20, 1.0))
    assert weight_of(best) == min(judge.met, key=lambda met: judge.met[met].p95_ms).values[0][1]


def test_a_search_without_time_keeps_what_is_known() -> None:
    judge = Judge(peak_at(0.8), most=1)
    best, values = cross_validate(SPACE, judge, EACH_ITS_OWN, Limits(20, None))
    assert best == CURRENT
    assert np.array_equal(values, judge.measured(CURRENT).values)


def test_the_first_half_of_the_trials_is_measured_once_for_all_searches() -> None:
    fine = Axis(WEIGHTS.name, tuple(((WEIGHTS.name, step / 1e4),) for step in range(10001)), 5000, True)
    judge = Judge(peak_at(0.8))
    cross_validate(Space((fine,)), judge, EACH_ITS_OWN, Limits(10, None))
    assert len(judge.met) <= 5 + 6 * 5


def test_cases_about_few_documents_cannot_judge() -> None:
    with pytest.raises(CasesError, match="about 4 documents"):
        cross_validate(SPACE, Judge(peak_at(0.8)), EACH_ITS_OWN % 4, Limits(2, None))
