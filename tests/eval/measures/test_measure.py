"""A figure is the same whether cases are counted one by one or by their weight, and its interval holds it."""

from __future__ import annotations

import numpy as np
import pytest

from eval.measures.measure import Direction, FloatArray, Measure, WeightedFigure, mean_measure, values_of

VALUES = np.array([0.0, 1.0, 1.0, 0.5, 0.25, 0.75])
CLUSTERS = np.array([0, 0, 1, 1, 2, 3])


def weighted_mean(counts: FloatArray) -> FloatArray:
    total = counts.sum(axis=1)
    return np.divide(counts @ VALUES, total, out=np.full_like(total, np.nan), where=total > 0)


MEAN = WeightedFigure("mean", np.ones(6), weighted_mean, Direction.LOWER)


def test_a_measure_without_a_case_has_no_value() -> None:
    none = Measure("rate", np.zeros(2), np.zeros(2))
    assert (none.value, none.interval) == (None, None)
    assert Measure("rate", np.array([1.0, 0.0]), np.array([1.0, 0.0])).interval is None


def test_a_part_and_the_clusters_of_a_measure_are_measures_of_its_kind() -> None:
    measure = Measure("rate", VALUES, np.ones(6), Direction.LOWER)
    assert measure.of(CLUSTERS == 1).value == pytest.approx(0.75)
    assert measure.of(CLUSTERS == 1).direction is Direction.LOWER
    clustered = measure.by_cluster(CLUSTERS)
    assert clustered.denominators.tolist() == [2, 2, 1, 1]
    assert (clustered.value, clustered.direction) == (measure.value, Direction.LOWER)


def test_a_weighted_figure_has_the_value_and_about_the_interval_of_the_same_measure() -> None:
    measure = mean_measure("mean", VALUES)
    assert values_of([measure]) == {"mean": pytest.approx(MEAN.value)}
    interval = MEAN.interval(CLUSTERS)
    assert interval is not None
    assert MEAN.value is not None
    assert interval.low < MEAN.value < interval.high
    assert interval == MEAN.interval(CLUSTERS)


def test_a_weighted_figure_over_some_of_the_cases_counts_these_alone() -> None:
    assert MEAN.of(CLUSTERS == 1).value == pytest.approx(0.75)
    assert MEAN.of(CLUSTERS == 1).interval(CLUSTERS) is None
    nothing = MEAN.of(CLUSTERS == 9)
    assert (nothing.value, nothing.interval(CLUSTERS)) == (None, None)
