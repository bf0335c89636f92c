from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.statistics.tally import Counts, Durations, Tally

durations = st.lists(st.integers(0, 60_000).map(float), min_size=1, max_size=60)


@given(durations, st.floats(0.01, 1.0))
def test_a_quantile_is_the_least_duration_that_so_many_did_not_exceed(
    taken: list[float], share: float
) -> None:
    found = Durations(Counter(taken)).quantile(share)
    assert found in taken
    assert sum(one <= found for one in taken) >= share * len(taken)
    assert sum(one < found for one in taken) < max(1.0, share * len(taken))


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_no_answer_has_no_quantile(share: float) -> None:
    assert Durations().quantile(share) is None


@given(durations, durations)
def test_added_tallies_are_those_of_all_answers(one: list[float], other: list[float]) -> None:
    left, right = (Tally(Counts(answers=len(taken)), Durations(Counter(taken))) for taken in (one, other))
    both = left + right
    assert both.counts.answers == both.whole.counts.total() == len(one) + len(other)
    assert both.whole == Durations(Counter(one + other))
