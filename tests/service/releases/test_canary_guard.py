from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.releases.canary_guard import Count, Guard, bounds, compare_pairs, compare_shares

counts = st.integers(0, 400).flatmap(lambda total: st.builds(Count, st.integers(0, total), st.just(total)))


@given(counts, st.floats(0.001, 0.2))
def test_bounds_hold_the_share_and_lie_between_none_and_all(count: Count, error: float) -> None:
    least, most = bounds(count, error)
    assert 0 <= least <= most <= 1
    if count.all:
        assert least <= count.share <= most


@given(counts, st.floats(0.001, 0.2))
def test_bounds_are_mirrored_by_counting_the_good_ones(count: Count, error: float) -> None:
    least, most = bounds(count, error)
    other_least, other_most = bounds(Count(count.all - count.bad, count.all), error)
    assert (least, most) == pytest.approx((1 - other_most, 1 - other_least), abs=1e-8)


def test_nothing_counted_bounds_nothing() -> None:
    assert bounds(Count(0, 0), 0.05) == (0.0, 1.0)


def test_a_bound_is_where_the_mixture_reaches_its_limit() -> None:
    least, _ = bounds(Count(3, 10), 0.05)
    beta = math.gamma(3.5) * math.gamma(7.5) / math.gamma(11) / math.pi  # B(1/2, 1/2) is pi
    assert beta / (least**3 * (1 - least) ** 7) == pytest.approx(20)


def test_the_true_share_leaves_its_bounds_at_no_time_more_often_than_said() -> None:
    """Ville's inequality, looked at after every fourth answer."""
    random = np.random.default_rng(7)
    share, error, left = 0.1, 0.1, 0
    for bad in np.cumsum(random.random((100, 200)) < share, axis=1):
        looks = [bounds(Count(int(bad[at]), at + 1), error) for at in range(0, 200, 4)]
        left += any(not least <= share <= most for least, most in looks)
    assert left / 100 <= error


def test_a_guard_waits_for_enough_answers() -> None:
    few = compare_shares(Guard.ABSTENTIONS, Count(20, 20), Count(0, 1000), 0.1, 30, 0.01)
    assert few.least > few.allowed
    assert not few.tripped
    assert compare_shares(Guard.ABSTENTIONS, Count(30, 30), Count(0, 1000), 0.1, 30, 0.01).tripped


def test_a_difference_within_the_tolerance_trips_nothing_however_many_answers() -> None:
    assert not compare_shares(
        Guard.FLAWED, Count(14_000, 100_000), Count(10_000, 100_000), 0.05, 30, 0.01
    ).tripped
    assert compare_shares(
        Guard.FLAWED, Count(17_000, 100_000), Count(10_000, 100_000), 0.05, 30, 0.01
    ).tripped


def test_pairs_trip_when_most_of_them_are_worse() -> None:
    assert not compare_pairs(Guard.SLOWER, Count(55, 100), 30, 0.01).tripped
    assert compare_pairs(Guard.SLOWER, Count(80, 100), 30, 0.01).tripped
