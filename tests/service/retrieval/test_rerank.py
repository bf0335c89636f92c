from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.document import Hit
from ingest.errors import RerankerError, SettingsError
from ingest.settings import RerankSettings
from service.answer import Reranking
from service.retrieval.rerank import RerankPolicy, load_reranker, rerank
from tests.service.scripted import chunk_of

POLICY = RerankPolicy(depth=3, margin=0.3)


class WordReranker:
    """Counts a word; ``asked`` holds what it was given."""

    def __init__(self, word: str, failure: RerankerError | None = None) -> None:
        self._word = word
        self._failure = failure
        self.asked: list[Sequence[str]] = []

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append(passages)
        if self._failure is not None:
            raise self._failure
        return np.array([passage.count(self._word) for passage in passages], dtype=np.float32)


def hits_of(*scored: tuple[str, float]) -> list[Hit]:
    return [Hit(chunk_of(text, title=f"Guide {n}"), score) for n, (text, score) in enumerate(scored)]


HITS = hits_of(("one", 0.9), ("two", 0.8), ("two two", 0.7), ("two two two", 0.6))


def test_the_first_hits_take_the_models_order_and_the_rest_keep_theirs() -> None:
    ranked, reranking = rerank("q", HITS, WordReranker("two"), POLICY)
    assert reranking is Reranking.APPLIED
    assert [hit.chunk.text for hit in ranked] == ["two two", "two", "one", "two two two"]
    assert [hit.rerank_score for hit in ranked] == [2.0, 1.0, 0.0, None]


def test_scores_still_fall_from_hit_to_hit() -> None:
    ranked, _ = rerank("q", HITS, WordReranker("two"), POLICY)
    assert [hit.score for hit in ranked] == [0.9, 0.8, 0.7, 0.6]


def test_hits_that_the_model_finds_alike_keep_their_order() -> None:
    ranked, _ = rerank("q", HITS, WordReranker("absent"), POLICY)
    assert [hit.chunk for hit in ranked] == [hit.chunk for hit in HITS]


def test_a_clear_lead_is_not_reranked() -> None:
    reranker = WordReranker("two")
    clear = hits_of(("one", 0.9), ("two", 0.6))
    assert rerank("q", clear, reranker, POLICY) == (clear, Reranking.SKIPPED)
    assert reranker.asked == []


@pytest.mark.parametrize("count", [0, 1])
def test_there_is_nothing_to_order_in_fewer_than_two_hits(count: int) -> None:
    reranker = WordReranker("two")
    assert rerank("q", HITS[:count], reranker, POLICY) == (HITS[:count], Reranking.SKIPPED)
    assert reranker.asked == []


def test_a_model_that_fails_leaves_the_order_and_is_told() -> None:
    reranker = WordReranker("two", RerankerError("gone"))
    assert rerank("q", HITS, reranker, POLICY) == (HITS, Reranking.FAILED)


def test_the_model_reads_the_headings_with_each_passage() -> None:
    reranker = WordReranker("two")
    rerank("q", HITS, reranker, POLICY)
    assert reranker.asked == [["Guide 0\none", "Guide 1\ntwo", "Guide 2\ntwo two"]]


def test_without_a_model_there_is_no_reranker() -> None:
    assert load_reranker(RerankSettings(), threads=1) is None


def test_a_server_without_the_name_of_its_model_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"rerank\.model is not"):
        load_reranker(RerankSettings(base_url="http://localhost:1/v1"), threads=1)
