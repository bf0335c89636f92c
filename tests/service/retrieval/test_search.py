from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.document import Hit
from ingest.filters.filters import EVERYTHING, Filter
from service.answer import Reranking
from service.question import Inquiry
from service.retrieval.conversation import Conversation
from service.retrieval.question_writer import QuestionWriter
from service.retrieval.rerank import Reranker, RerankPolicy
from service.retrieval.retrieve_mode import SearchMode
from service.retrieval.search import Search, SearchPolicy, fuse_queries
from tests.service.scripted import ScriptedGenerator, chunk_of

pytestmark = pytest.mark.anyio

PLAIN = RerankPolicy(depth=20, margin=0.5)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def hit(name: str, score: float) -> Hit:
    return Hit(chunk_of(name, title=name), score, dense_score=score)


class Shelf:
    """Finds ``a``, ``b`` and ``c`` for any query, or what ``special`` has for it; notes what was asked."""

    def __init__(self, special: dict[str, list[Hit]] | None = None) -> None:
        self._special = special or {}
        self.asked: list[tuple[str, int, SearchMode]] = []

    def retrieve(
        self, query: str, k: int, mode: SearchMode, wanted: Filter, groups: frozenset[str] | None
    ) -> Sequence[Hit]:
        assert wanted is EVERYTHING
        assert groups is None
        self.asked.append((query, k, mode))
        return self._special.get(query, [hit("a", 1.0), hit("b", 0.9), hit("c", 0.8)])[:k]


class LastFirst:
    """Turns any ranking round."""

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        return np.arange(len(passages), dtype=np.float32)


def search_over(
    shelf: Shelf,
    *,
    generator: ScriptedGenerator | None = None,
    reranker: Reranker | None = None,
    policy: SearchPolicy | None = None,
) -> Search:
    writer = None if generator is None else QuestionWriter(generator)
    conversation = Conversation(lambda term, _: 2 * (term == "hotel"), 100, writer)
    return Search(shelf, conversation, writer, reranker, policy or SearchPolicy(PLAIN))


async def test_a_question_alone_is_searched_as_it_is() -> None:
    shelf = Shelf()
    found = await search_over(shelf).find(Inquiry("What is it?"), 2, SearchMode.LEXICAL)
    assert shelf.asked == [("What is it?", 2, SearchMode.LEXICAL)]
    assert [h.chunk.title for h in found.hits] == ["a", "b"]
    assert (found.question, found.queries) == ("What is it?", ("What is it?",))
    assert (found.standalone_question, found.reranking) == (None, None)


async def test_a_follow_up_is_searched_with_and_without_its_conversation() -> None:
    shelf = Shelf({"Is there parking? (Hotel)": [hit("c", 1.0)]})
    found = await search_over(shelf).find(Inquiry("Is there parking?", history=["Hotel"]), 3)
    assert found.queries == ("Is there parking?", "Is there parking? (Hotel)")
    assert found.standalone_question == "Is there parking? (Hotel)"
    assert found.question == "Is there parking?"
    assert [h.chunk.title for h in found.hits] == ["c", "a", "b"]


async def test_a_follow_up_that_a_generator_wrote_anew_is_the_question_to_answer() -> None:
    generator = ScriptedGenerator("Does the Alpine have parking?")
    found = await search_over(Shelf(), generator=generator).find(
        Inquiry("Is there parking?", history=["Alpine"]), 3
    )
    assert found.question == found.standalone_question == "Does the Alpine have parking?"


async def test_other_wordings_and_a_supposed_answer_are_searched_beside_the_question() -> None:
    shelf = Shelf()
    generator = ScriptedGenerator("How tall is it?")
    policy = SearchPolicy(PLAIN, multi_query=1, hyde=True)
    found = await search_over(shelf, generator=generator, policy=policy).find(Inquiry("What height?"), 3)
    assert found.queries == ("What height?", "How tall is it?", "How tall is it?")
    assert [mode for _, _, mode in shelf.asked] == [SearchMode.HYBRID, SearchMode.HYBRID, SearchMode.DENSE]
    assert found.question == "What height?"


async def test_a_supposed_answer_is_not_searched_for_by_its_words() -> None:
    generator = ScriptedGenerator("It is tall.")
    policy = SearchPolicy(PLAIN, hyde=True)
    found = await search_over(Shelf(), generator=generator, policy=policy).find(
        Inquiry("q"), 3, SearchMode.LEXICAL
    )
    assert (found.queries, generator.asked) == (("q",), [])


async def test_the_reranker_sees_more_than_is_asked_for() -> None:
    shelf = Shelf()
    found = await search_over(shelf, reranker=LastFirst()).find(Inquiry("q"), 1)
    assert shelf.asked == [("q", 20, SearchMode.HYBRID)]
    assert [h.chunk.title for h in found.hits] == ["c"]
    assert found.reranking is Reranking.APPLIED


def test_queries_are_fused_by_their_weights() -> None:
    fused = fuse_queries([[hit("a", 1.0), hit("b", 0.5)], [hit("b", 1.0)]], [1.0, 3.0])
    assert [(h.chunk.title, h.score) for h in fused] == [("b", 0.875), ("a", 0.25)]
    assert fused[0].dense_score == 1.0


def test_ties_go_to_the_earlier_query() -> None:
    fused = fuse_queries([[hit("a", 1.0)], [hit("b", 1.0)]], [1.0, 1.0])
    assert [h.chunk.title for h in fused] == ["a", "b"]
