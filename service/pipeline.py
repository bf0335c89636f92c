"""From a question to a cited answer, in one screen.

retrieve -> is there evidence? -> prompt -> generate -> drop invented markers -> cite -> keep

``stream`` is the one way an answer is made; whatever wants it whole folds the stream. A question in a
language that the generator cannot write, or one asked while the generator fails before its first word,
is answered with the sources' own sentences, and the answer says so.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingest.document import Hit
from ingest.errors import GeneratorError, SnapshotCorruptError
from ingest.language import detect_language
from ingest.snapshot import Snapshot
from service.answer import (
    Answer,
    AnswerEvent,
    Citation,
    Cited,
    Degradation,
    Delta,
    Finished,
    Passage,
    Retrieved,
    Usage,
)
from service.cite import Citer, MarkerFilter, is_exact, without_markers
from service.generate import Generator
from service.ground import Grounding
from service.prompt import PROMPT_ID, is_refusal, template_for
from service.question import check_question
from service.release import Release
from service.retrieve import Retriever, SearchMode
from service.sentence_gate import OpenGate, SentenceGate, SupportGate
from service.write import ExtractiveWriter, Writer


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits of a search, best first, with the snapshot they come from."""

    query: str
    snapshot_id: str
    hits: tuple[Hit, ...]
    timings_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class AnswerPolicy:
    """When to answer, from how much, and how long."""

    passages: int
    passage_tokens: int
    min_evidence: float
    max_sentences: int
    withhold_unsupported: bool
    max_question_characters: int


@dataclass(slots=True)
class _Draft:
    """An answer in the making."""

    question: str
    language: str
    started: float = field(default_factory=time.perf_counter)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    passages: tuple[Passage, ...] = ()
    evidence: float = 1.0
    text: str = ""
    invented: int = 0
    abstained: bool = False
    writer: str = "none"
    degraded: Degradation | None = None
    usage: Usage = field(default_factory=Usage)
    timings_ms: dict[str, float] = field(default_factory=dict[str, float])

    def mark(self, stage: str) -> None:
        self.timings_ms[stage] = round((time.perf_counter() - self.started) * 1e3, 3)


class AnswerPipeline:
    """Answers from one snapshot with one release; it holds both until it is closed."""

    def __init__(
        self,
        snapshot: Snapshot,
        retriever: Retriever,
        grounding: Grounding,
        generator: Generator,
        writer: Writer,
        release: Release,
        policy: AnswerPolicy,
        count_tokens: Callable[[str], int],
        keep: Callable[[Answer], None],
    ) -> None:
        self.snapshot = snapshot
        self.generator = generator
        self.release = release
        self._retriever = retriever
        self._grounding = grounding
        self._writer = writer
        self._fallback = ExtractiveWriter(grounding)
        self._policy = policy
        self._count_tokens = count_tokens
        self._keep = keep

    async def stream(self, question: str, passages: int | None = None) -> AsyncGenerator[AnswerEvent]:
        """Answer ``question`` from its best ``passages``; the last event holds the whole answer.

        Closing it early stops the generator; such an answer is not kept.

        Raises:
            EmptyQuestionError, QuestionTooLongError, NoTermsError: the question cannot be answered as put.
        """
        draft = self._draft(question)
        hits = await asyncio.to_thread(
            self._retriever.retrieve, draft.question, passages or self._policy.passages
        )
        draft.passages = self.passages_from(hits)
        draft.evidence = self._grounding.evidence(
            draft.question, hits[: len(draft.passages)], self.snapshot.manifest.embedder.languages
        )
        draft.mark("retrieval")
        async with aclosing(self._write(draft)) as events:
            async for event in events:
                yield event

    def passages_from(self, hits: Sequence[Hit]) -> tuple[Passage, ...]:
        """The hits that the prompt has room for, best first, each under its marker; always the first."""
        fitting: list[Passage] = []
        room = self._policy.passage_tokens
        for marker, hit in enumerate(hits, start=1):
            room -= self._count_tokens(f"{hit.chunk.headline}\n{hit.chunk.text}")
            if fitting and room < 0:
                break
            fitting.append(Passage(marker, hit.chunk, hit.score))
        return tuple(fitting)

    async def answer(self, question: str) -> Answer:
        """The whole answer to ``question``; see ``stream``."""
        return await _fold(self.stream(question))

    async def answer_from(self, question: str, passages: Sequence[Passage]) -> Answer:
        """The answer from given passages, without a search: what a perfect retriever would bring about."""
        draft = self._draft(question)
        draft.passages = tuple(passages)
        return await _fold(self._write(draft))

    async def search(self, query: str, k: int, mode: SearchMode = SearchMode.HYBRID) -> SearchResult:
        """The best ``k`` chunks for ``query``."""
        started = time.perf_counter()
        checked = check_question(query, self._policy.max_question_characters)
        hits = await asyncio.to_thread(self._retriever.retrieve, checked, k, mode)
        timings = {"retrieval": round((time.perf_counter() - started) * 1e3, 3)}
        return SearchResult(checked, self.snapshot.id, tuple(hits), timings)

    async def aclose(self) -> None:
        """Let go of the generator and the snapshot."""
        try:
            await self.generator.aclose()
        finally:
            self.snapshot.close()

    def _draft(self, question: str) -> _Draft:
        checked = check_question(question, self._policy.max_question_characters)
        return _Draft(checked, detect_language(checked))

    async def _write(self, draft: _Draft) -> AsyncGenerator[AnswerEvent]:
        yield Retrieved(draft.id, draft.passages)
        if draft.passages and draft.evidence >= self._policy.min_evidence:
            async with aclosing(self._generate(draft)) as deltas:
                async for delta in deltas:
                    yield delta
        if not draft.text:
            for delta in self._emit(draft, template_for(draft.language).refusal):
                yield delta
        draft.abstained = is_refusal(without_markers(draft.text), draft.language)
        draft.mark("generation")
        answer = await asyncio.to_thread(self._finish, draft)
        for citation in answer.citations:
            yield Cited(citation)
        await asyncio.to_thread(self._keep, answer)
        yield Finished(answer)

    async def _generate(self, draft: _Draft) -> AsyncGenerator[Delta]:
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

    async def _write_with(self, writer: Writer, draft: _Draft) -> AsyncGenerator[Delta]:
        draft.writer = writer.name
        markers = MarkerFilter({passage.marker for passage in draft.passages})
        gate = self._gate(writer, draft)
        try:
            async with aclosing(writer.write(draft.question, draft.passages, draft.language)) as pieces:
                async for piece in pieces:
                    if piece.completion_tokens is not None:
                        draft.usage = Usage(piece.prompt_tokens or 0, piece.completion_tokens)
                    for delta in self._emit(draft, gate.feed(markers.feed(piece.text))):
                        yield delta
                    if gate.full:
                        return
            for delta in self._emit(draft, gate.feed(markers.finish()) + gate.finish()):
                yield delta
        finally:
            draft.invented += markers.invented

    def _gate(self, writer: Writer, draft: _Draft) -> SentenceGate:
        if self._policy.withhold_unsupported and writer is self._writer:
            headlines = [passage.chunk.headline for passage in draft.passages]
            return SupportGate(self._citer(draft), headlines, draft.language, self._policy.max_sentences)
        return OpenGate(draft.language, self._policy.max_sentences)

    def _citer(self, draft: _Draft) -> Citer:
        return Citer(draft.question, draft.passages, self._grounding)

    @staticmethod
    def _emit(draft: _Draft, text: str) -> list[Delta]:
        if not draft.text:
            text = text.lstrip()
        if not text:
            return []
        if not draft.text:
            draft.mark("first_token")
        draft.text += text
        return [Delta(text)]

    def _finish(self, draft: _Draft) -> Answer:
        text = draft.text.rstrip()
        cited = self._citer(draft).cite("" if draft.abstained else text)
        self._check_quotes(cited.citations)
        draft.mark("total")
        return Answer(
            id=draft.id,
            question=draft.question,
            text=text,
            language=draft.language,
            citations=cited.citations,
            passages=draft.passages,
            abstained=draft.abstained,
            groundedness=cited.groundedness,
            evidence=round(draft.evidence, 4),
            invented_markers=draft.invented,
            degraded=draft.degraded,
            generator=draft.writer,
            prompt_id=PROMPT_ID,
            release=self.release.name,
            collection=self.snapshot.manifest.collection,
            snapshot_id=self.snapshot.id,
            timings_ms=draft.timings_ms,
            usage=draft.usage,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )

    def _check_quotes(self, citations: Sequence[Citation]) -> None:
        by_document: dict[str, list[Citation]] = {}
        for citation in citations:
            by_document.setdefault(citation.chunk.document_id, []).append(citation)
        for document_id, cited in by_document.items():
            document = self.snapshot.documents.document(document_id)
            if document is None:
                continue  # ``answer_from`` takes passages from anywhere
            wrong = next((citation for citation in cited if not is_exact(citation, document)), None)
            if wrong is not None:
                raise SnapshotCorruptError(
                    f"the passage {wrong.chunk.id} is not its document's text: "
                    "run `troika collections verify`."
                )


async def _fold(events: AsyncGenerator[AnswerEvent]) -> Answer:
    answer: Answer | None = None
    async for event in events:
        if isinstance(event, Finished):
            answer = event.answer
    if answer is None:
        raise GeneratorError("the answer ended before it was whole: ask again.")
    return answer
