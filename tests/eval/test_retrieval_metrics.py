"""The retrieval metrics equal those of trec_eval."""

from __future__ import annotations

import random
from typing import Protocol, cast

import numpy as np
import pytest

from eval.retrieval_metrics import gain_matrix, grade_matrix, ndcg, recall, reciprocal_rank

Grades = dict[str, dict[str, int]]


class TrecEval(Protocol):
    """The one method of pytrec_eval's evaluator that the test uses."""

    def evaluate(self, run: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]: ...


def random_run(seed: int) -> tuple[Grades, dict[str, list[str]]]:
    """Forty queries over sixty documents, with graded judgements, some of them 0 or below."""
    chance = random.Random(seed)
    documents = [f"d{number:02}" for number in range(60)]
    judged: Grades = {}
    rankings: dict[str, list[str]] = {}
    for number in range(40):
        query = f"q{number:02}"
        judged[query] = {d: chance.choice([-1, 0, 0, 1, 1, 2, 3]) for d in chance.sample(documents, 12)}
        rankings[query] = chance.sample(documents, chance.randint(1, 50))
    return judged, rankings


@pytest.mark.parametrize("seed", range(5))
def test_the_values_are_those_of_trec_eval(seed: int) -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval", reason="pytrec_eval-terrier is not installed")
    judged, rankings = random_run(seed)
    names = {"ndcg_cut.10", "recall.10", "recall.100", "recip_rank"}
    reference = cast("TrecEval", pytrec_eval.RelevanceEvaluator(judged, names)).evaluate(
        {query: {d: -float(rank) for rank, d in enumerate(ranking)} for query, ranking in rankings.items()}
    )
    queries = list(judged)
    gains = gain_matrix([rankings[query] for query in queries], [judged[query] for query in queries])
    grades = grade_matrix([judged[query] for query in queries])
    ours = {
        "ndcg_cut_10": ndcg(gains, grades, 10),
        "recall_10": recall(gains, grades, 10),
        "recall_100": recall(gains, grades, 100),
        "recip_rank": reciprocal_rank(gains),
    }
    for name, values in ours.items():
        expected = [reference[query][name] for query in queries]
        np.testing.assert_allclose(values, expected, atol=1e-9, err_msg=name)


def test_queries_without_a_relevant_or_a_found_document_score_zero() -> None:
    gains = gain_matrix([[], ["a"]], [{"a": 1}, {"a": 0}])
    grades = grade_matrix([{"a": 1}, {"a": 0}])
    for values in (ndcg(gains, grades, 10), recall(gains, grades, 10), reciprocal_rank(gains)):
        assert values.tolist() == [0.0, 0.0]


def test_rankings_that_are_all_empty_score_zero() -> None:
    gains, grades = gain_matrix([[]], [{"a": 1}]), grade_matrix([{"a": 1}])
    assert ndcg(gains, grades, 10).tolist() == recall(gains, grades, 10).tolist() == [0.0]
    assert reciprocal_rank(gains).tolist() == [0.0]
