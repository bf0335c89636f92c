from __future__ import annotations

import math

import pytest

from service.abstention.logistic import Logistic


def test_the_probability_is_that_of_the_formula() -> None:
    assert Logistic(0.5, (2.0, -1.0)).probability((1.0, 3.0)) == pytest.approx(1 / (1 + math.exp(0.5)))


@pytest.mark.parametrize(("intercept", "expected"), [(1e4, 1.0), (-1e4, 0.0)])
def test_far_from_the_middle_nothing_overflows(intercept: float, expected: float) -> None:
    assert Logistic(intercept, ()).probability(()) == expected


def test_as_many_features_as_weights_are_needed() -> None:
    with pytest.raises(ValueError, match="zip"):
        Logistic(0.0, (1.0,)).probability((1.0, 2.0))
