"""Each kind of interval is used where it is the better calibrated one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eval.statistics.cluster_sums import ClusterSums
from eval.statistics.intervals import Interval, _student_t, bca_interval, percentile_interval, ratio_interval
from eval.statistics.resampling import drawn_clusters

CLUSTERS, REPETITIONS, RESAMPLES = 50, 300, 500


def test_bca_covers_a_rate_near_1_where_the_percentile_interval_misses_it() -> None:
    covered = np.zeros(2)
    random = np.random.default_rng(0)
    for seed in range(REPETITIONS):
        hardness = random.beta(2.3 * 0.95, 2.3 * 0.05, CLUSTERS)
        cases = random.integers(1, 6, CLUSTERS)
        right = random.binomial(cases, hardness)
        sums = ClusterSums(right[:, None].astype(float), cases[:, None].astype(float))
        draws = np.concatenate([sums.weighted(block) for block in drawn_clusters(CLUSTERS, RESAMPLES, seed)])
        intervals = (
            percentile_interval(draws[:, 0], CLUSTERS),
            bca_interval(draws[:, 0], sums.values.item(), sums.without_each[:, 0]),
        )
        covered += [between.low <= 0.95 <= between.high for between in intervals]
    percentile, bca = covered / REPETITIONS
    assert percentile < bca
    assert 0.91 <= bca <= 0.98


def test_intervals_of_few_clusters_are_as_wide_as_students() -> None:
    values = np.random.default_rng(1).normal(size=8)
    draws = np.concatenate([block @ values / 8 for block in drawn_clusters(8, 40_000)])
    found = percentile_interval(draws, 8)
    expected = stats.t.interval(0.95, 7, values.mean(), stats.sem(values))
    assert found.high - found.low == pytest.approx(expected[1] - expected[0], rel=0.06)


@pytest.mark.parametrize("freedom", [5, 10, 30, 1000])
def test_the_expansion_of_students_quantile_is_near_the_exact_one(freedom: int) -> None:
    assert _student_t(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=0.006)


def test_a_ratio_over_nothing_has_no_interval() -> None:
    ones, zeros = np.ones(20), np.array([0.0] + [1.0] * 19)
    assert ratio_interval(zeros, ones, 20) is None
    assert ratio_interval(ones, 2 * ones, 20) == Interval(2.0, 2.0)
