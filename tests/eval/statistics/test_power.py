"""The standard error is the bootstrap's, and what it promises to find is found."""

from __future__ import annotations

import numpy as np
import pytest

from eval.statistics.cluster_sums import ClusterSums
from eval.statistics.power import cases_needed, difference_errors, least_detectable
from eval.statistics.resampling import drawn_clusters


def ratios(random: np.random.Generator, clusters: int) -> ClusterSums:
    below = random.integers(1, 5, (clusters, 1)).astype(float)
    return ClusterSums(random.binomial(below.astype(int), 0.6).astype(float), below)


def test_the_standard_error_is_that_of_the_draws() -> None:
    random = np.random.default_rng(0)
    first, second = ratios(random, 200), ratios(random, 200)
    draws = np.concatenate([second.weighted(block) - first.weighted(block) for block in drawn_clusters(200)])
    assert difference_errors(first, second).item() == pytest.approx(draws.std(), rel=0.03)


def test_four_times_the_cases_find_half_the_difference() -> None:
    assert least_detectable(0.01) == pytest.approx(0.028016, abs=1e-5)
    assert cases_needed(500, 0.028016, 0.01) == pytest.approx(500, abs=1)
    assert cases_needed(500, -0.014008, 0.01) == pytest.approx(2000, abs=3)


def test_a_true_difference_of_that_size_is_found_four_times_in_five() -> None:
    random = np.random.default_rng(1)
    size, error = 100, 0.1
    found = [
        abs(sample.mean()) > 1.96 * sample.std(ddof=1) / np.sqrt(size)
        for sample in random.normal(least_detectable(error), error * np.sqrt(size), (600, size))
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.06)


def test_no_difference_takes_no_number_of_cases() -> None:
    assert cases_needed(500, 0.0, 0.01) is None


def test_one_cluster_has_no_standard_error() -> None:
    one = ClusterSums(np.ones((1, 2)), np.ones((1, 2)))
    assert np.isnan(difference_errors(one, one)).all()
