"""Intervals cover what they should, p values mean what they say, and both repeat exactly and come fast."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eval.measures.measure import Measure
from eval.statistics.cluster_sums import ClusterSums, cluster_sums
from eval.statistics.intervals import unanimous_share
from eval.statistics.significance import (
    Difference,
    bootstrap_interval,
    bootstrap_intervals,
    gain_interval,
    holm,
    paired_differences,
    permutation_p_values,
)

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def one_figure(numerators: FloatArray, denominators: FloatArray | None = None) -> ClusterSums:
    below = np.ones_like(numerators) if denominators is None else denominators
    return ClusterSums(numerators[:, None], below[:, None])


def difference(first: ClusterSums, second: ClusterSums, resamples: int = 10_000) -> Difference:
    (found,) = paired_differences(first, second, resamples=resamples)
    assert found is not None
    return found


def clustered_pairs(
    random: np.random.Generator, clusters: int, level: float = 0.6
) -> tuple[ClusterSums, ClusterSums]:
    """Right citations of two systems that are equally good, by source: some sources are hard for both."""
    hardness = random.beta(2.5 * level, 2.5 * (1.0 - level), clusters)
    cases = random.integers(1, 6, clusters)
    below, other_below = random.poisson(1.5 * cases), random.poisson(1.2 * cases)
    return (
        one_figure(random.binomial(below, hardness).astype(float), below.astype(float)),
        one_figure(random.binomial(other_below, hardness).astype(float), other_below.astype(float)),
    )


def test_the_interval_of_a_mean_is_near_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, size=400)
    interval = bootstrap_interval(values)
    half = 1.96 * values.std() / np.sqrt(values.size)
    assert interval.low == pytest.approx(values.mean() - half, abs=0.03)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.03)


def test_a_rate_over_a_part_of_the_cases_is_resampled_by_case() -> None:
    refused = np.array([1.0, 1.0, 0.0, 0.0] * 25)
    rightly = np.array([1.0, 0.0, 0.0, 0.0] * 25)
    interval = bootstrap_interval(rightly, refused)
    assert 0.3 < interval.low < 0.5 < interval.high < 0.7


def test_cases_of_one_source_count_as_one_witness() -> None:
    values = np.repeat(np.random.default_rng(3).integers(0, 2, 40).astype(float), 10)
    ratio = Measure("em", values, np.ones_like(values))
    (clustered,) = bootstrap_intervals(cluster_sums([ratio], np.repeat(np.arange(40), 10)))
    (single,) = bootstrap_intervals(cluster_sums([ratio], np.arange(400)))
    assert clustered is not None
    assert single is not None
    wider = (clustered.high - clustered.low) / (single.high - single.low)
    assert wider == pytest.approx(np.sqrt(10), rel=0.1)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(3).random(50)
    assert bootstrap_interval(values, seed=7) == bootstrap_interval(values, seed=7)
    assert bootstrap_interval(values, seed=7) != bootstrap_interval(values, seed=8)


def test_fewer_than_two_clusters_give_no_interval() -> None:
    with pytest.raises(ValueError, match="at least two clusters"):
        bootstrap_interval(np.array([1.0]))
    assert bootstrap_intervals(one_figure(np.array([1.0, 0.0]), np.array([1.0, 0.0]))) == (None,)
    assert paired_differences(one_figure(np.zeros(3), np.zeros(3)), one_figure(np.zeros(3))) == (None,)
    with pytest.raises(ValueError, match="at least two clusters"):
        gain_interval(np.array([0.1, 0.2]), np.array([0, 0]))


def test_what_was_never_seen_may_still_happen() -> None:
    room = unanimous_share(60)
    assert room == pytest.approx(stats.binomtest(0, 60).proportion_ci(method="exact").high)
    assert bootstrap_interval(np.ones(60)).low == pytest.approx(1.0 - room)
    assert bootstrap_interval(np.zeros(60)).high == pytest.approx(room)
    same = one_figure(np.random.default_rng(0).random(60))
    found = difference(same, same)
    assert (found.value, found.interval.low, found.interval.high) == (0.0, -room, room)
    assert found.p_value == 1.0


def test_figures_that_are_no_shares_have_no_room_beyond_what_was_seen() -> None:
    tokens = one_figure(np.full(60, 7.0))
    assert difference(tokens, tokens).interval.high == 0.0


def test_intervals_of_a_difference_cover_it_about_19_times_in_20() -> None:
    random = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        interval = difference(*clustered_pairs(random, 60), resamples=400).interval
        covered += interval.low <= 0.0 <= interval.high
    assert 0.92 <= covered / 300 <= 0.98


def test_p_values_are_uniform_when_nothing_differs() -> None:
    random = np.random.default_rng(5)
    found = [permutation_p_values(*clustered_pairs(random, 40), resamples=400).item() for _ in range(400)]
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert np.mean(np.array(found) <= 0.05) <= 0.08


def test_a_clear_difference_is_significant_and_never_impossible() -> None:
    random = np.random.default_rng(4)
    first = random.random(200)
    found = difference(one_figure(first), one_figure(first + 0.1 + 0.05 * random.standard_normal(200)))
    assert found.value == pytest.approx(0.1, abs=0.02)
    assert found.interval.low > 0.0
    assert found.p_value == pytest.approx(1 / 10_001)


def test_it_agrees_with_scipy_where_both_can_be_asked() -> None:
    random = np.random.default_rng(8)
    first, second = random.random(30), random.random(30) + 0.1
    found = difference(one_figure(first), one_figure(second), resamples=20_000)
    test = stats.permutation_test(
        (first, second),
        lambda one, two, axis: (two - one).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=np.random.default_rng(0),
    )
    assert found.p_value == pytest.approx(test.pvalue, abs=0.012)
    skewed = random.exponential(1.0, 60)
    theirs = stats.bootstrap((skewed,), np.mean, n_resamples=20_000, rng=np.random.default_rng(0))
    ours = bootstrap_interval(skewed, resamples=20_000)
    # Ours reaches further by sqrt(n / (n - 1)) t(n - 1) / z, which is 3 % for 60 clusters.
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.02)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.035)


COUNTS = st.lists(
    st.tuples(*(st.integers(0, 3) for _ in range(4)), st.integers(0, 4)), min_size=2, max_size=25
)


@given(COUNTS, st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_cases_is_without_effect(rows: list[tuple[int, ...]], random: object) -> None:
    table = np.array(rows, dtype=float)
    order = np.random.default_rng(len(rows)).permutation(len(rows))
    found = [_by_cluster(rows) for rows in (table, table[order])]
    assert found[0] == pytest.approx(found[1], nan_ok=True)


@given(COUNTS)
@settings(max_examples=60, deadline=None)
def test_the_other_way_round_the_sign_changes_and_nothing_else(rows: list[tuple[int, ...]]) -> None:
    table = np.array(rows, dtype=float)
    value, low, high, p_value = _by_cluster(table)
    mirrored = _by_cluster(table[:, [2, 3, 0, 1, 4]])
    assert mirrored == pytest.approx([-value, -high, -low, p_value], nan_ok=True)


def _by_cluster(table: FloatArray) -> list[float]:
    """Value, interval and p value of a table of numerators and denominators of A and B, and the cluster."""
    clusters = np.unique(table[:, 4], return_inverse=True)[1]
    first = cluster_sums([Measure("em", table[:, 0], table[:, 1])], clusters)
    second = cluster_sums([Measure("em", table[:, 2], table[:, 3])], clusters)
    (found,) = paired_differences(first, second, resamples=50)
    if found is None:
        return [float("nan")] * 4
    return [found.value, found.interval.low, found.interval.high, found.p_value]


def test_systems_must_have_the_same_clusters() -> None:
    with pytest.raises(ValueError, match="same clusters"):
        paired_differences(one_figure(np.zeros(3)), one_figure(np.zeros(4)))


def test_p_values_of_a_family_are_raised_as_holm_does() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_dozen_measures_of_five_thousand_cases_take_at_most_five_seconds() -> None:
    random = np.random.default_rng(6)
    first, second = (
        ClusterSums(random.random((5_000, 12)), np.ones((5_000, 12))) for _ in ("first", "second")
    )
    started = time.process_time()
    paired_differences(first, second)
    assert time.process_time() - started <= 5.0
