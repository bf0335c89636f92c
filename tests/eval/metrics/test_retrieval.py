"""Rankings are scored as trec_eval scores them, by rank."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eval.metrics.retrieval import RankingMetric, ndcg_at_10, ndcg_of_ranks, ranking_values

M = RankingMetric


def test_the_values_are_those_of_the_definitions() -> None:
    ranking = ["x", "good", "y", "best", "z", "fair"]
    grades = {"best": 3, "good": 1, "fair": 1, "missing": 2, "x": 0}
    values = ranking_values([ranking], [grades])
    found = 1 / math.log2(3) + 3 / math.log2(5) + 1 / math.log2(7)
    ideal = 3 + 2 / math.log2(3) + 1 / math.log2(4) + 1 / math.log2(5)
    assert {metric: found[0] for metric, found in values.items()} == pytest.approx(
        {
            M.NDCG_10: found / ideal,
            M.RECALL_10: 3 / 4,
            M.RECALL_100: 3 / 4,
            M.MRR: 1 / 2,
            M.MAP: (1 / 2 + 2 / 4 + 3 / 6) / 4,
            M.HIT_1: 0.0,
            M.HIT_5: 1.0,
            M.HIT_10: 1.0,
        }
    )


def test_only_the_first_ranks_count_where_a_measure_names_them() -> None:
    ranking = [f"d{rank}" for rank in range(1, 13)]
    values = ranking_values([ranking], [{"d11": 1}])
    assert (values[M.NDCG_10][0], values[M.RECALL_10][0], values[M.HIT_10][0]) == (0.0, 0.0, 0.0)
    assert (values[M.RECALL_100][0], values[M.MRR][0]) == (1.0, pytest.approx(1 / 11))


def test_documents_stand_in_the_order_given_whatever_their_names() -> None:
    forward, backward = ["a", "b", "c"], ["c", "b", "a"]
    assert ranking_values([forward, backward], [{"a": 1}] * 2)[M.MRR].tolist() == pytest.approx([1.0, 1 / 3])


def test_queries_without_a_relevant_or_a_found_document_score_zero() -> None:
    values = ranking_values([[], ["a"], ["a"], ["a"]], [{"a": 1}, {"a": 0}, {}, {"a": -1}])
    assert {metric: found.tolist() for metric, found in values.items()} == dict.fromkeys(M, [0.0] * 4)
    assert ranking_values([], [])[M.MRR].shape == (0,)


def test_a_grade_below_zero_takes_nothing_away() -> None:
    assert ndcg_at_10([["bad", "good"]], [{"bad": -1, "good": 1}])[0] == pytest.approx(1 / math.log2(3))


@given(st.sets(st.integers(1, 14), max_size=6), st.integers(0, 3))
def test_ranks_alone_give_the_same_ndcg(found: set[int], missed: int) -> None:
    ranks = [*found, *[0] * missed]
    assume(ranks)
    ranking = [str(rank) for rank in range(1, 15)]
    grades = dict.fromkeys([*map(str, found), *(f"missed {n}" for n in range(missed))], 1)
    assert ndcg_of_ranks(ranks, 10) == pytest.approx(ndcg_at_10([ranking], [grades])[0])


def test_many_queries_are_scored_in_their_order() -> None:
    rankings = [["a", "b"] if row % 2 else ["b", "a"] for row in range(12_000)]
    found = ranking_values(rankings, [{"a": 1}] * len(rankings), [M.MRR])[M.MRR]
    assert found[::2].tolist() == [0.5] * 6_000
    assert found[1::2].tolist() == [1.0] * 6_000


@pytest.mark.slow
def test_a_hundred_thousand_queries_take_less_than_thirty_seconds() -> None:
    rankings = [[f"d{(row * 37 + rank) % 1_000_003}" for rank in range(100)] for row in range(100_000)]
    grades = [{ranking[row % 100]: 1, ranking[row % 7]: 2} for row, ranking in enumerate(rankings)]
    started = time.process_time()
    ranking_values(rankings, grades)
    assert time.process_time() - started < 30
