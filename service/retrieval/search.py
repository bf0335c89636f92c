"""From a question, alone or in a conversation, to ranked hits.

question -> standalone -> other wordings -> retrieve each -> fuse -> rerank
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ingest.document import Hit
from ingest.filters.filters import Filter
from ingest.words.language import detect_language
from service.answer import Reranking
from service.question import Inquiry
from service.retrieval.conversation import Conversation
from service.retrieval.question_writer import QuestionWriter
from service.retrieval.rerank import Reranker, RerankPolicy, rerank
from service.retrieval.retrieve_mode import SearchMode

_STANDALONE_WEIGHT = 2.0
"""Of a follow-up that is made to stand alone, beside 1 for itself: 4 gains .06 nDCG@10 more where the
conversation goes on (dstc11), and loses up to .06 more where it turns to something else."""

_EXTRA_WEIGHT = 0.5
_DEPTH_OF_EACH = 100
"""Hits taken for each of several queries before they are fused."""


class HitSource(Protocol):
    """What is used of ``service.retrieval.retrieve.Retriever``: the best hits first, scored from 0 to 1."""

    def retrieve(
        self, query: str, k: int, mode: SearchMode, wanted: Filter, groups: frozenset[str] | None
    ) -> Sequence[Hit]: ...


@dataclass(frozen=True, slots=True)
class SearchPolicy:
    """What is searched beside the question itself, and how the best hits are ordered anew."""

    rerank: RerankPolicy
    multi_query: int = 0
    hyde: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found; see ``service.answer.SearchResult``.

    ``question`` is the one to answer: the follow-up as it was written anew, or as it was asked.
    """

    hits: tuple[Hit, ...]
    question: str
    queries: tuple[str, ...]
    standalone_question: str | None
    reranking: Reranking | None


@dataclass(frozen=True, slots=True)
class _Query:
    """A text to search for, and what its ranking weighs beside the others'."""

    text: str
    mode: SearchMode
    weight: float = 1.0


class Search:
    """Searches one snapshot for what a question means."""

    def __init__(
        self,
        source: HitSource,
        conversation: Conversation,
        writer: QuestionWriter | None,
        reranker: Reranker | None,
        policy: SearchPolicy,
    ) -> None:
        self._source = source
        self._conversation = conversation
        self._writer = writer
        self._reranker = reranker
        self._policy = policy

    async def find(self, inquiry: Inquiry, k: int, mode: SearchMode = SearchMode.HYBRID) -> Found:
        """The best ``k`` hits for what is asked, of those that meet its filter and its groups may see.

        Raises:
            NoTermsError: the question holds no letter, digit or ideograph.
            FilterError: the filter names a key that no document has.
        """
        question, follow_up = inquiry.question, None
        if inquiry.history:
            language = detect_language(question)
            follow_up = await self._conversation.standalone(
                question, inquiry.history, language, inquiry.groups
            )
        queries = [_Query(question, mode)]
        if follow_up is not None:
            queries.append(_Query(follow_up.text, mode, _STANDALONE_WEIGHT))
        asked = follow_up.text if follow_up is not None and follow_up.is_question else question
        queries += await self._further(asked, mode)
        hits, reranking = await asyncio.to_thread(
            self._ranked, queries, asked if follow_up is None else follow_up.text, k, inquiry
        )
        return Found(
            hits=tuple(hits),
            question=asked,
            queries=tuple(query.text for query in queries),
            standalone_question=None if follow_up is None else follow_up.text,
            reranking=reranking,
        )

    async def _further(self, question: str, mode: SearchMode) -> list[_Query]:
        """Other wordings of the question, and a supposed answer, which only its vector can find."""
        if self._writer is None or not (self._policy.multi_query or self._policy.hyde):
            return []
        language = detect_language(question)
        further: list[_Query] = []
        if self._policy.multi_query:
            wordings = await self._writer.paraphrases(question, self._policy.multi_query, language)
            further += [_Query(wording, mode, _EXTRA_WEIGHT) for wording in wordings]
        if self._policy.hyde and mode is not SearchMode.LEXICAL:
            supposed = await self._writer.hypothetical(question, language)
            if supposed is not None:
                further.append(_Query(supposed, SearchMode.DENSE, _EXTRA_WEIGHT))
        return further

    def _ranked(
        self, queries: Sequence[_Query], question: str, k: int, inquiry: Inquiry
    ) -> tuple[list[Hit], Reranking | None]:
        most = k if self._reranker is None else max(k, self._policy.rerank.depth)
        depth = most if len(queries) == 1 else max(most, _DEPTH_OF_EACH)
        rankings = [
            self._source.retrieve(query.text, depth, query.mode, inquiry.wanted, inquiry.groups)
            for query in queries
        ]
        if len(queries) == 1:
            hits = list(rankings[0])
        else:
            hits = fuse_queries(rankings, [query.weight for query in queries])[:most]
        if self._reranker is None:
            return hits, None
        hits, reranking = rerank(question, hits, self._reranker, self._policy.rerank)
        return hits[:k], reranking


def fuse_queries(rankings: Sequence[Sequence[Hit]], weights: Sequence[float]) -> list[Hit]:
    """The hits of several queries, best first: score(d) = sum of w * score(d) / sum of w.

    A query that did not find d adds 0. A hit keeps the parts' scores of the query that counts most for it.
    Ties go to the hit that an earlier query found.
    """
    total = sum(weights)
    scores: dict[str, float] = {}
    best: dict[str, tuple[float, Hit]] = {}
    for hits, weight in zip(rankings, weights, strict=True):
        for hit in hits:
            share = weight * hit.score / total
            scores[hit.chunk.id] = scores.get(hit.chunk.id, 0.0) + share
            best[hit.chunk.id] = max(
                best.get(hit.chunk.id, (share, hit)), (share, hit), key=lambda pair: pair[0]
            )
    fused = [replace(hit, score=scores[chunk_id]) for chunk_id, (_, hit) in best.items()]
    return sorted(fused, key=lambda hit: -hit.score)
