"""A pipeline that gives answers again, in front of the one that makes them.

the same question? a curated one? -> search -> one that means the same, with the same passages? -> make it

What is given again is checked against the snapshot again, has an id and times of its own, is kept in the
history, and says where it comes from. Nothing that was refused or made in a simpler way is given again, and
a follow-up, which hangs on its conversation, and an answer in JSON, which nobody curates, are made anew.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ingest.errors import SnapshotCorruptError
from ingest.words.language import detect_language
from service.answer import (
    Answer,
    AnswerEvent,
    Cited,
    Delta,
    Finished,
    Passage,
    Reranking,
    Retrieved,
    SearchResult,
    Served,
    Usage,
)
from service.cache.answer_cache import AnswerCache, Scope, share_in_common
from service.cache.curated import CuratedAnswers
from service.cache.same_question import SameQuestion
from service.grounding.cite import proven
from service.history.feedback import timestamp
from service.pipeline import AnswerPipeline, fold
from service.prompt import PROMPT_ID
from service.question import Inquiry
from service.retrieval.retrieve_mode import SearchMode

SAME_EVIDENCE = 0.5
"""The least share that the passages of two questions have in common, besides the first, which is the same."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An answer to give again, where it comes from, and the question that it was given to."""

    answer: Answer
    served: Served
    question: str


class CachingPipeline:
    """Stands in for the pipeline behind it."""

    def __init__(
        self,
        behind: AnswerPipeline,
        answers: AnswerCache | None,
        scope: Scope,
        curated: CuratedAnswers,
        same: SameQuestion | None,
        keep: Callable[[Answer, Inquiry], None],
    ) -> None:
        """Without ``answers`` none is remembered; without ``same`` only equal questions are the same."""
        self.snapshot = behind.snapshot
        self.embedder = behind.embedder
        self.generator = behind.generator
        self.release = behind.release
        self._behind = behind
        self._answers = answers
        self._scope = scope
        self._curated = curated
        self._same = same
        self._keep = keep

    async def stream(self, inquiry: Inquiry) -> AsyncGenerator[AnswerEvent]:
        """As ``AnswerPipeline.stream``; without ``cache`` the answer is made anew and not remembered."""
        started = time.perf_counter()
        is_cached = inquiry.cache and not inquiry.history and inquiry.json_schema is None
        scope = self._scope_of(inquiry)
        found = await asyncio.to_thread(self._before_search, inquiry, scope) if is_cached else None
        if found is None:
            async with aclosing(self._behind.stream(inquiry)) as events:
                async for event in events:
                    if is_cached and isinstance(event, Retrieved):
                        found = await asyncio.to_thread(self._after_search, inquiry, event.passages, scope)
                        if found is not None:
                            break
                    if is_cached and isinstance(event, Finished):
                        await asyncio.to_thread(self._learn, event.answer, scope)
                    yield event
        if found is not None:
            for event in self._again(found, inquiry, started):
                if isinstance(event, Finished):
                    await asyncio.to_thread(self._keep, event.answer, inquiry)
                yield event

    async def answer(self, inquiry: Inquiry) -> Answer:
        """The whole answer to what is asked; see ``stream``."""
        return await fold(self.stream(inquiry))

    async def search(self, inquiry: Inquiry, k: int, mode: SearchMode = SearchMode.HYBRID) -> SearchResult:
        """See ``AnswerPipeline.search``."""
        return await self._behind.search(inquiry, k, mode)

    async def aclose(self) -> None:
        """Close the pipeline behind; the cache is its opener's to close."""
        await self._behind.aclose()

    def _scope_of(self, inquiry: Inquiry) -> Scope:
        groups = None if inquiry.groups is None else sorted(inquiry.groups)
        wishes = f"passages={inquiry.passages} {inquiry.wanted.key} groups={groups} {inquiry.sampling}"
        return replace(self._scope, conditions=f"{self._scope.conditions} {wishes}")

    def _before_search(self, inquiry: Inquiry, scope: Scope) -> _Found | None:
        # Whether a curated answer meets a filter is known once the search has found it.
        curated = None if inquiry.wanted else self._curated.find(inquiry.question, inquiry.groups)
        if curated is not None:
            return self._give_curated(*curated)
        answer = self._answers.exact(scope, inquiry.question) if self._answers else None
        return self._checked(answer, Served.EXACT) if answer else None

    def _after_search(self, inquiry: Inquiry, passages: Sequence[Passage], scope: Scope) -> _Found | None:
        if self._same is None or not passages:
            return None
        question = inquiry.question
        vector = self._same.embed(question)
        curated = self._same.best(
            question,
            vector,
            ((pair, pair[1], self._same.embed(pair[1])) for pair in self._curated.among(passages)),
        )
        if curated is not None:
            return self._give_curated(*curated)
        if self._answers is None:
            return None
        evidence = [passage.chunk.id for passage in passages]
        kept = self._same.best(
            question,
            vector,
            (
                (known, known.question, known.vector)
                for known in self._answers.alike(scope, evidence[0])
                if share_in_common(known.passages, evidence) >= SAME_EVIDENCE
            ),
        )
        answer = self._answers.answer(kept) if kept else None
        return self._checked(answer, Served.SEMANTIC) if answer else None

    def _give_curated(self, document_id: str, question: str) -> _Found:
        text, passages, cited = self._curated.answer(document_id)
        answer = Answer(
            id="",
            question=question,
            text=text,
            language=detect_language(text),
            citations=cited.citations,
            passages=passages,
            abstained=False,
            groundedness=cited.groundedness,
            evidence=1.0,
            invented_markers=0,
            degraded=None,
            generator="curated",
            prompt_id=PROMPT_ID,
            release=self.release.name,
            collection=self._scope.collection,
            snapshot_id=self.snapshot.id,
            timings_ms={},
            usage=Usage(),
            created_at="",
            sentences=cited.sentences,
        )
        return _Found(answer, Served.FAQ, question)

    def _checked(self, answer: Answer, served: Served) -> _Found | None:
        """The answer, if its quotes stand where they did."""
        try:
            citations = proven(answer.citations, self.snapshot.documents)
        except SnapshotCorruptError:
            return None  # found again by the search, which says what is wrong
        return _Found(replace(answer, citations=citations), served, answer.question)

    def _learn(self, answer: Answer, scope: Scope) -> None:
        is_sound = not answer.abstained and answer.degraded is None
        if self._answers and is_sound and answer.reranking is not Reranking.FAILED:
            self._answers.keep(scope, answer, self._same.embed(answer.question) if self._same else None)

    @staticmethod
    def _again(found: _Found, inquiry: Inquiry, started: float) -> list[AnswerEvent]:
        took = round((time.perf_counter() - started) * 1e3, 3)
        answer = replace(
            found.answer,
            id=uuid.uuid4().hex,
            question=inquiry.question.strip(),
            timings_ms={"first_token": took, "total": took},
            usage=Usage(truncated=found.answer.usage.truncated),
            created_at=timestamp(datetime.now(UTC)),
            cache=found.served,
            matched_question=None if found.served is Served.EXACT else found.question,
            asker=inquiry.asker,
        )
        cited = [Cited(citation) for citation in answer.citations]
        return [Retrieved(answer.id, answer.passages), Delta(answer.text), *cited, Finished(answer)]
