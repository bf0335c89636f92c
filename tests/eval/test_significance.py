"""Intervals cover what they should, repeat exactly, and come fast."""

from __future__ import annotations

import time

import numpy as np
import pytest

from eval.significance import bootstrap_interval, paired_difference


def test_the_interval_of_a_mean_is_near_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, size=400)
    interval = bootstrap_interval(values)
    half = 1.96 * values.std() / np.sqrt(values.size)
    assert interval.low == pytest.approx(values.mean() - half, abs=0.03)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.03)


def test_intervals_cover_the_true_mean_about_19_times_in_20() -> None:
    random = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        interval = bootstrap_interval(random.exponential(1.0, size=80), resamples=500)
        covered += interval.low <= 1.0 <= interval.high
    assert 175 <= covered <= 199


def test_a_rate_over_a_part_of_the_cases_is_resampled_by_case() -> None:
    refused = np.array([1.0, 1.0, 0.0, 0.0] * 25)
    rightly = np.array([1.0, 0.0, 0.0, 0.0] * 25)
    interval = bootstrap_interval(rightly, refused)
    assert 0.3 < interval.low < 0.5 < interval.high < 0.7


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(3).random(50)
    assert bootstrap_interval(values, seed=7) == bootstrap_interval(values, seed=7)
    assert bootstrap_interval(values, seed=7) != bootstrap_interval(values, seed=8)


def test_no_case_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one case"):
        bootstrap_interval(np.array([]))
    with pytest.raises(ValueError, match="at least one case"):
        bootstrap_interval(np.array([0.0]), np.array([0.0]))


def test_a_clear_difference_is_significant_and_none_is_not() -> None:
    random = np.random.default_rng(4)
    first = random.random(200)
    better = paired_difference(first, first + 0.1 + 0.05 * random.standard_normal(200))
    assert better.mean == pytest.approx(0.1, abs=0.02)
    assert better.interval.low > 0.0
    assert better.p_value == pytest.approx(1 / 10_001)
    assert paired_difference(first, first).p_value == 1.0
    assert paired_difference(first, first + 0.05 * random.standard_normal(200)).p_value > 0.01


def test_p_values_are_uniform_when_nothing_differs() -> None:
    random = np.random.default_rng(5)
    zeros = np.zeros(60)
    low = sum(
        paired_difference(zeros, random.standard_normal(60), resamples=400).p_value <= 0.05
        for _ in range(300)
    )
    assert 4 <= low <= 30


def test_systems_must_have_the_same_cases() -> None:
    with pytest.raises(ValueError, match="same cases"):
        paired_difference(np.zeros(3), np.zeros(4))


def test_ten_thousand_resamples_of_five_thousand_cases_take_at_most_five_seconds() -> None:
    values = np.random.default_rng(6).random(5_000)
    started = time.process_time()
    bootstrap_interval(values)
    assert time.process_time() - started <= 5.0
