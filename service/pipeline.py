"""From a question to a cited answer, in one screen.

search -> read -> is there evidence? -> prompt -> generate -> drop invented markers -> cite -> keep

``stream`` is the one way an answer is made; whatever wants it whole folds the stream. How its text comes
about, and what stands in for a generator that fails, is in ``service.generation``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from ingest.embed import Embedder
from ingest.errors import GeneratorError
from ingest.snapshots.snapshot import Snapshot
from service.abstention.judge import Judge
from service.answer import (
    Answer,
    AnswerEvent,
    Cited,
    Finished,
    Passage,
    Retrieved,
    SearchResult,
)
from service.draft import Draft
from service.generate import Generator
from service.generation import Generation
from service.grounding.cite import proven, without_markers
from service.grounding.entailed import RememberedEntailment, judge_entailment
from service.grounding.entailment import Entailment
from service.grounding.json_answer import NO_JSON, JsonClaims
from service.grounding.support import Grounding
from service.prompt import is_refusal, template_for
from service.question import Inquiry, check_question
from service.releases.release import Release
from service.retrieval.context import ContextBuilder
from service.retrieval.retrieve_mode import SearchMode
from service.retrieval.search import Search
from service.write import Writer


@dataclass(frozen=True, slots=True)
class AnswerPolicy:
    """What becomes of what is asked and answered."""

    max_sentences: int
    withhold_unsupported: bool
    max_question_characters: int


class AnswerPipeline:
    """Answers from one snapshot with one release; it holds both until it is closed."""

    def __init__(
        self,
        snapshot: Snapshot,
        embedder: Embedder,
        search: Search,
        context: ContextBuilder,
        grounding: Grounding,
        judge: Judge,
        generator: Generator,
        writer: Writer,
        release: Release,
        policy: AnswerPolicy,
        keep: Callable[[Answer, Inquiry], None],
        entailment: Entailment | None = None,
    ) -> None:
        """With ``entailment`` it judges the sentences of an answer, in place of the words that they share.

        Where unsupported ones are withheld, both must agree.
        """
        self.snapshot = snapshot
        self.embedder = embedder
        self.generator = generator
        self.release = release
        self._search = search
        self._context = context
        self._grounding = grounding
        self._judge = judge
        self._generation = Generation(
            generator,
            writer,
            grounding,
            max_sentences=policy.max_sentences,
            withhold_unsupported=policy.withhold_unsupported,
            is_trained=release.adapter is not None,
        )
        self._policy = policy
        self._keep = keep
        self._entailment = entailment

    async def stream(self, inquiry: Inquiry) -> AsyncGenerator[AnswerEvent]:
        """Answer what is asked; the last event holds the whole answer.

        Closing the stream early stops the generator; such an answer is not kept.

        Raises:
            EmptyQuestionError, QuestionTooLongError, NoTermsError: the question cannot be answered as put.
            FilterError: the filter names a key that no document has.
            EntailmentError: the model that judges entailment failed.
            GeneratorRefusedError: the schema is none that the generator can write by.
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
        draft.judgement = await asyncio.to_thread(self._judge.judge_given, draft.question, draft.passages)
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
        known = None if self._entailment is None else RememberedEntailment(self._entailment)
        return Draft(self._checked(inquiry), known)

    async def _read(self, draft: Draft) -> None:
        """Find and assemble the passages, and weigh whether they hold the answer."""
        passages = draft.inquiry.passages
        found = await self._search.find(draft.inquiry, self._context.candidates(passages))
        context = await asyncio.to_thread(self._context.build, found.hits, passages)
        draft.found = found
        draft.passages = context.passages
        questions = {draft.question, found.standalone_question or draft.question}
        draft.judgement = await asyncio.to_thread(
            self._judge.judge, questions, context.passages, context.hits
        )

    async def _write(self, draft: Draft) -> AsyncGenerator[AnswerEvent]:
        yield Retrieved(draft.id, draft.passages)
        if draft.judgement.is_answered:
            async with aclosing(self._generation.write(draft)) as deltas:
                async for delta in deltas:
                    yield delta
        if not draft.text:
            for delta in draft.emit(_without_answer(draft)):
                yield delta
        draft.abstained = is_refusal(without_markers(draft.text), draft.language)
        draft.mark("generation")
        answer = await asyncio.to_thread(self._finish, draft)
        for citation in answer.citations:
            yield Cited(citation)
        await asyncio.to_thread(self._keep, answer, draft.inquiry)
        yield Finished(answer)

    def _finish(self, draft: Draft) -> Answer:
        schema = draft.inquiry.json_schema
        text = "" if draft.abstained or draft.lacks_json else draft.text
        citer = draft.citer(self._grounding)
        cited = citer.cite(text) if schema is None else JsonClaims(text, schema).cite(citer)
        if draft.entailment is not None:
            cited = judge_entailment(cited, text, draft.entailment)
        cited = replace(cited, citations=proven(cited.citations, self.snapshot.documents))
        return draft.answer(cited, self.release.name, self.snapshot)


def _without_answer(draft: Draft) -> str:
    """What is said where nothing was written."""
    if draft.lacks_json:
        return NO_JSON.get(draft.language, NO_JSON["en"])
    return template_for(draft.language).refusal


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
