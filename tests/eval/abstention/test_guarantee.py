from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.abstention.guarantee import binomial_tail, count_from, safe_threshold, upper_bound


@given(st.integers(1, 60), st.data(), st.floats(0.01, 0.99))
def test_the_tail_is_that_of_the_binomial_distribution(
    answers: int, data: st.DataObject, share: float
) -> None:
    wrong = data.draw(st.integers(0, answers))
    exact = sum(
        comb(answers, count) * share**count * (1 - share) ** (answers - count) for count in range(wrong + 1)
    )
    assert binomial_tail(wrong, answers, share) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize(
    ("wrong", "answers", "expected"),
    # R: qbeta(.95, wrong + 1, answers - wrong)
    [(0, 10, 0.258866), (1, 20, 0.216106), (5, 100, 0.102259), (10, 10, 1.0), (0, 0, 1.0)],
)
def test_the_bound_is_that_of_clopper_and_pearson(wrong: int, answers: int, expected: float) -> None:
    assert upper_bound(wrong, answers) == pytest.approx(expected, abs=1e-5)


def drawn_answers(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are the chance to be right, and which answers are wrong."""
    drawn = np.random.default_rng(seed)
    scores = drawn.random(count)
    return scores, drawn.random(count) > scores


def test_the_threshold_answers_as_much_as_the_promise_allows() -> None:
    scores, wrong = drawn_answers(0, 4000)
    threshold = safe_threshold(scores, wrong, *drawn_answers(1, 4000), max_wrong=0.2)
    # of scores from t to 1, a share of (1 - t) / 2 is wrong
    assert threshold is not None
    assert 0.6 <= threshold <= 0.7
    counted = count_from(threshold, scores, wrong)
    assert upper_bound(counted.wrong, counted.answers) <= 0.2


def test_the_promise_is_broken_no_more_often_than_said() -> None:
    broken = 0
    for seed in range(200):
        threshold = safe_threshold(
            *drawn_answers(2 * seed, 200), *drawn_answers(2 * seed + 1, 200), max_wrong=0.2
        )
        broken += threshold is not None and (1 - threshold) / 2 > 0.2
    assert broken <= 17  # 5 % of 200, and 2.3 standard deviations more


def test_without_a_safe_threshold_there_is_none() -> None:
    scores = np.linspace(0, 1, 50)
    wrong = np.ones(50, dtype=np.bool_)
    assert safe_threshold(scores, wrong, scores, wrong, max_wrong=0.1) is None
