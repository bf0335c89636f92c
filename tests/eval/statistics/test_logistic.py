from __future__ import annotations

import numpy as np
import pytest

from eval.statistics.logistic import fit_logistic, probabilities


def test_the_weights_that_made_the_labels_are_found() -> None:
    drawn = np.random.default_rng(0)
    features = drawn.normal(size=(20_000, 2)) * (1.0, 5.0) + (0.0, 3.0)
    chance = 1 / (1 + np.exp(-(1.0 + 2.0 * features[:, 0] - 0.5 * features[:, 1])))
    found = fit_logistic(features, drawn.random(20_000) < chance, balanced=False)
    assert found.intercept == pytest.approx(1.0, abs=0.1)
    assert found.weights == pytest.approx((2.0, -0.5), abs=0.1)
    assert probabilities(found, features) == pytest.approx(chance, abs=0.03)


def test_sides_that_can_be_parted_give_finite_weights() -> None:
    features = np.array([[0.0], [0.1], [0.9], [1.0]])
    found = fit_logistic(features, np.array([False, False, True, True]), balanced=False)
    assert 0 < found.weights[0] < 100


def test_a_feature_that_never_changes_weighs_nothing() -> None:
    features = np.array([[0.0, 1.0], [1.0, 1.0], [0.2, 1.0], [0.8, 1.0]])
    found = fit_logistic(features, np.array([False, True, False, True]), balanced=False)
    assert found.weights[1] == 0.0


def test_balanced_the_rarer_side_counts_as_much() -> None:
    features = np.array([[0.0]] * 90 + [[1.0]] * 10)
    positive = np.array([False] * 90 + [True] * 10)
    positive[0] = positive[90] = True
    positive[91] = False
    even = fit_logistic(features, positive, balanced=True).probability((0.5,))
    as_they_are = fit_logistic(features, positive, balanced=False).probability((0.5,))
    assert even > as_they_are
