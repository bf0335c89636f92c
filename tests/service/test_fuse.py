from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fuse import Fused, fuse

scores = st.dictionaries(
    st.integers(0, 50), st.floats(-1.0, 1.0, allow_nan=False, allow_subnormal=False), max_size=20
)
lexical_scores = st.dictionaries(st.integers(0, 50), st.floats(0.0, 40.0, allow_nan=False), max_size=20)
weights = st.floats(0.0, 1.0, allow_nan=False)


def test_the_best_of_both_parts_scores_one() -> None:
    best = fuse([(7, 0.9), (8, 0.3)], [(7, 12.0), (9, 3.0)], 0.5)[0]
    assert best == Fused(7, 1.0, 0.9, 12.0)


def test_scores_are_the_weighted_sum_of_the_scaled_parts() -> None:
    fused = {item.number: item for item in fuse([(1, 0.8), (2, 0.5), (3, 0.4)], [(2, 10.0), (4, 5.0)], 0.25)}
    assert fused[1].score == pytest.approx(0.25)
    assert fused[2].score == pytest.approx(0.25 * 0.25 + 0.75)
    assert fused[3].score == pytest.approx(0.0)
    assert fused[4].score == pytest.approx(0.75 * 0.5)


def test_a_part_that_did_not_find_a_chunk_gives_no_raw_score() -> None:
    fused = {item.number: item for item in fuse([(1, 0.8)], [(2, 10.0)], 0.5)}
    assert (fused[1].lexical_score, fused[2].dense_score) == (None, None)


def test_ties_go_to_the_lower_number() -> None:
    assert [item.number for item in fuse([(5, 0.7), (3, 0.7), (4, 0.7)], [], 1.0)] == [3, 4, 5]


def test_nothing_found_is_nothing_fused() -> None:
    assert fuse([], [], 0.5) == []


@given(scores, lexical_scores, weights)
def test_fused_scores_lie_between_zero_and_one_and_fall(
    dense: dict[int, float], lexical: dict[int, float], weight: float
) -> None:
    fused = [item.score for item in fuse(list(dense.items()), list(lexical.items()), weight)]
    assert all(0.0 <= score <= 1.0 for score in fused)
    assert fused == sorted(fused, reverse=True)


@given(scores, lexical_scores, weights, st.randoms(use_true_random=False))
def test_the_order_in_which_the_parts_come_does_not_matter(
    dense: dict[int, float], lexical: dict[int, float], weight: float, shuffler: random.Random
) -> None:
    one, other = list(dense.items()), list(lexical.items())
    expected = fuse(one, other, weight)
    shuffler.shuffle(one)
    shuffler.shuffle(other)
    assert fuse(one, other, weight) == expected
    assert {item.number for item in expected} == dense.keys() | lexical.keys()
