"""From a question to a cited answer, in one screen.

search -> read -> is there evidence? -> prompt -> generate -> drop invented markers -> cite -> keep

``stream`` is the one way an answer is made; whatever wants it whole folds the stream. A question in a
language that the generator cannot write, or one asked while the generator fails before its first word,
is answered with the sources' own sentences, and the answer says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from ingest.errors import GeneratorError
from ingest.snapshots.snapshot import Snapshot
from service.answer import (
    Answer,
    AnswerEvent,
    Cited,
    Degradation,
    Delta,
    Finished,
    Passage,
    Retrieved,
    SearchResult,
    Usage,
)
from service.cite import Citer, MarkerFilter, proven, without_markers
from service.context import ContextBuilder
from service.draft import Draft
from service.generate import Generator
from service.ground import Grounding
from service.prompt import is_refusal, template_for
from service.question import Inquiry, check_question
from service.release import Release
from service.retrieve_mode import SearchMode
from service.search import Search
from service.sentence_gate import OpenGate, SentenceGate, SupportGate
from service.write import ExtractiveWriter, Writer


@dataclass(frozen=True, slots=True)
class AnswerPolicy:
    """When to answer, and how long."""

    min_evidence: float
    max_sentences: int
    withhold_unsupported: bool
    max_question_characters: int


class AnswerPipeline:
    """Answers from one snapshot with one release; it holds both until it is closed."""

    def __init__(
        self,
        snapshot: Snapshot,
        search: Search,
        context: ContextBuilder,
        grounding: Grounding,
        generator: Generator,
        writer: Writer,
        release: Release,
        policy: AnswerPolicy,
        keep: Callable[[Answer], None],
    ) -> None:
        self.snapshot = snapshot
        self.generator = generator
        self.release = release
        self._search = search
        self._context = context
        self._grounding = grounding
        self._writer = writer
        self._fallback = ExtractiveWriter(grounding)
        self._policy = policy
        self._keep = keep

    async def stream(self, inquiry: Inquiry) -> AsyncGenerator[AnswerEvent]:
        """Answer what is asked; the last event holds the whole answer.

        Closing the stream early stops the generator; such an answer is not kept.

        Raises:
            EmptyQuestionError, QuestionTooLongError, NoTermsError: the question cannot be answered as put.
            FilterError: the filter names a key that no document has.
        """
        draft = self._draft(inquiry)
        await self._read(draft)
        draft.mark("retrieval")
        async with aclosing(self._write(draft)) as events:
            async for event in events:
                yield event

    async def answer(self, inquiry: Inquiry) -> Answer:
        """The whole answer to what is asked; see ``stream``."""
        return await fold(self.stream(inquiry))

    async def answer_from(self, inquiry: Inquiry, passages: Sequence[Passage]) -> Answer:
        """The answer from given passages, without a search: what a perfect retriever would bring about."""
        draft = self._draft(inquiry)
        draft.passages = tuple(passages)
        return await fold(self._write(draft))

    async def search(self, inquiry: Inquiry, k: int, mode: SearchMode = SearchMode.HYBRID) -> SearchResult:
        """The best ``k`` chunks for what is asked; the same errors as ``stream``."""
        started = time.perf_counter()
        checked = self._checked(inquiry)
        found = await self._search.find(checked, k, mode)
        return SearchResult(
            query=checked.question,
            snapshot_id=self.snapshot.id,
            hits=found.hits,
            timings_ms={"retrieval": round((time.perf_counter() - started) * 1e3, 3)},
            queries=found.queries,
            standalone_question=found.standalone_question,
            reranking=found.reranking,
        )

    async def aclose(self) -> None:
        """Let go of the generator and the snapshot."""
        try:
            await self.generator.aclose()
        finally:
            self.snapshot.close()

    def _checked(self, inquiry: Inquiry) -> Inquiry:
        question = check_question(inquiry.question, self._policy.max_question_characters)
        return replace(inquiry, question=question)

    def _draft(self, inquiry: Inquiry) -> Draft:
        return Draft(self._checked(inquiry))

    async def _read(self, draft: Draft) -> None:
        """Find and assemble the passages, and weigh whether they hold the answer."""
        passages = draft.inquiry.passages
        found = await self._search.find(draft.inquiry, self._context.candidates(passages))
        context = await asyncio.to_thread(self._context.build, found.hits, passages)
        languages = self.snapshot.manifest.embedder.languages
        draft.found = found
        draft.passages = context.passages
        draft.evidence = max(
            self._grounding.evidence(question, context.hits, languages)
            for question in {draft.question, found.standalone_question or draft.question}
        )

    async def _write(self, draft: Draft) -> AsyncGenerator[AnswerEvent]:
        yield Retrieved(draft.id, draft.passages)
        if draft.passages and draft.evidence >= self._policy.min_evidence:
            async with aclosing(self._generate(draft)) as deltas:
                async for delta in deltas:
                    yield delta
        if not draft.text:
            for delta in draft.emit(template_for(draft.language).refusal):
                yield delta
        draft.abstained = is_refusal(without_markers(draft.text), draft.language)
        draft.mark("generation")
        answer = await asyncio.to_thread(self._finish, draft)
        for citation in answer.citations:
            yield Cited(citation)
        await asyncio.to_thread(self._keep, answer)
        yield Finished(answer)

    async def _generate(self, draft: Draft) -> AsyncGenerator[Delta]:
        if draft.language not in self.generator.languages:
            draft.degraded = Degradation.LANGUAGE
        else:
            try:
                async with aclosing(self._write_with(self._writer, draft)) as deltas:
                    async for delta in deltas:
                        yield delta
                if not draft.text:
                    draft.degraded = Degradation.UNSUPPORTED
            except GeneratorError:
                draft.degraded = Degradation.GENERATOR
        if not draft.text:
            async with aclosing(self._write_with(self._fallback, draft)) as deltas:
                async for delta in deltas:
                    yield delta

    async def _write_with(self, writer: Writer, draft: Draft) -> AsyncGenerator[Delta]:
        draft.writer = writer.name
        markers = MarkerFilter({passage.marker for passage in draft.passages})
        gate = self._gate(writer, draft)
        try:
            async with aclosing(writer.write(draft.meant, draft.passages, draft.language)) as pieces:
                async for piece in pieces:
                    if piece.completion_tokens is not None:
                        draft.usage = Usage(piece.prompt_tokens or 0, piece.completion_tokens)
                    for delta in draft.emit(gate.feed(markers.feed(piece.text))):
                        yield delta
                    if gate.full:
                        return
            for delta in draft.emit(gate.feed(markers.finish()) + gate.finish()):
                yield delta
        finally:
            draft.invented += markers.invented

    def _gate(self, writer: Writer, draft: Draft) -> SentenceGate:
        if self._policy.withhold_unsupported and writer is self._writer:
            headlines = [passage.chunk.headline for passage in draft.passages]
            return SupportGate(
                self._citer(draft),
                headlines,
                draft.language,
                self._policy.max_sentences,
                trained=self.release.adapter is not None,
            )
        return OpenGate(draft.language, self._policy.max_sentences)

    def _citer(self, draft: Draft) -> Citer:
        return Citer(draft.meant, draft.passages, self._grounding)

    def _finish(self, draft: Draft) -> Answer:
        cited = self._citer(draft).cite("" if draft.abstained else draft.text.rstrip())
        cited = replace(cited, citations=proven(cited.citations, self.snapshot.documents))
        return draft.answer(cited, self.release.name, self.snapshot)


async def fold(events: AsyncGenerator[AnswerEvent]) -> Answer:
    """The whole answer that a stream ends with.

    Raises:
        GeneratorError: the stream broke off before it.
    """
    answer: Answer | None = None
    async for event in events:
        if isinstance(event, Finished):
            answer = event.answer
    if answer is None:
        raise GeneratorError("the answer ended before it was whole: ask again.")
    return answer
