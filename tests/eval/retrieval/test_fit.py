"""A fit is judged on queries that it did not see, and kept only where it helps."""

from __future__ import annotations

import numpy as np
import pytest

from eval.retrieval.fit import Candidate, choose
from ingest.errors import CasesError

CANDIDATES = [Candidate(0.5, 100), Candidate(0.6, 100), Candidate(0.7, 100)]
EACH_ITS_OWN = np.arange(100)


def test_a_setting_that_is_always_better_is_found_and_helps() -> None:
    chance = np.random.default_rng(1)
    values = np.stack([chance.uniform(0.4, 0.6, 100) + gain for gain in (0.0, 0.2, 0.1)])
    fit = choose(CANDIDATES, values, EACH_ITS_OWN)
    assert fit.best == CANDIDATES[1]
    assert fit.ndcg_fitted == pytest.approx(values[1].mean())
    assert fit.ndcg_default == pytest.approx(values[0].mean())
    assert fit.helps


def test_settings_that_differ_by_chance_alone_seldom_help() -> None:
    chance = np.random.default_rng(2)
    fits = [choose(CANDIDATES, chance.uniform(size=(3, 100)), EACH_ITS_OWN) for _ in range(20)]
    assert sum(fit.helps for fit in fits) <= 1


def test_the_default_stays_among_equals() -> None:
    fit = choose(CANDIDATES, np.ones((3, 100)), EACH_ITS_OWN)
    assert (fit.best, fit.helps) == (CANDIDATES[0], False)


def test_queries_about_one_document_are_never_fitted_and_judged_apart() -> None:
    # Two settings, each right for all queries about half of the documents: nothing is learned from others.
    clusters = np.repeat(np.arange(5), 20)
    values = np.zeros((6, 100))
    for document in range(5):
        values[document + 1, clusters == document] = 1.0
    fit = choose([Candidate(0.5, 100)] * 6, values, clusters)
    assert fit.ndcg_fitted == 0.0


def test_queries_about_few_documents_cannot_judge() -> None:
    with pytest.raises(CasesError, match="about 4 documents"):
        choose(CANDIDATES, np.ones((3, 100)), EACH_ITS_OWN % 4)
