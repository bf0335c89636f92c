"""Small real stand-ins, shared by tests: they keep the contracts, in memory and without a model."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise

from ingest.choices import EmbedderBackend
from ingest.document import Chunk, Document, Hit
from ingest.embed import EmbedderSpec
from ingest.errors import CollectionNotFoundError, NoTermsError
from ingest.filters.filters import Filter, meanings
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
    SearchResult,
    Usage,
)
from service.generate import Message, Piece, Sampling
from service.history.feedback import timestamp
from service.history.history import History
from service.pipelines import Answering, CollectionSummary
from service.prompt import PROMPT_ID, template_for
from service.question import Inquiry
from service.releases.release import Release
from service.retrieval.retrieve_mode import SearchMode
from tests.ingest.crash.word_embedder import WordEmbedder
from tests.small_handbook import chunks_of

_WORD = re.compile(r"[a-z0-9]{3,}|[\u3400-\u9fff\U00020000-\U0002fa1f]{2}")
_SENTENCE = re.compile(r"[^.。！？\n]+[.。！？]?")
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0002fa1f]")


def terms(text: str) -> set[str]:
    """Words of three letters or more, and every pair of neighbouring ideographs."""
    lowered = text.lower()
    return {lowered[match.start() : match.end()] for match in _WORD.finditer(lowered)} | {
        pair for first, second in pairwise(lowered) if _WORD.fullmatch(pair := first + second)
    }


@dataclass
class MemoryDocuments:
    """Documents by id."""

    by_id: dict[str, Document]

    def document(self, document_id: str) -> Document | None:
        return self.by_id.get(document_id)

    def chunks_of(self, document_id: str) -> list[Chunk]:
        return chunks_of(self.by_id[document_id])


@dataclass
class MemorySnapshot:
    """A snapshot that was never written."""

    id: str
    documents: MemoryDocuments


class QuotingGenerator:
    """Names a generator; the fake pipeline quotes by itself."""

    name = "quoting"
    languages = frozenset({"en", "zh"})

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        yield Piece("", 0, 0)

    async def aclose(self) -> None:
        return None


@dataclass
class MemoryPipeline:
    """Answers by quoting the sentence that shares the most words with the question.

    ``failure`` is raised after the first delta; ``pause_seconds`` passes before each delta.
    """

    source: Sequence[Document]
    history: History | None = None
    collection: str = "default"
    snapshot_id: str = "snapshot-1"
    pause_seconds: float = 0.0
    failure: Exception | None = None
    degraded: Degradation | None = None
    suspicious: tuple[int, ...] = ()
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    def __post_init__(self) -> None:
        self.snapshot = MemorySnapshot(self.snapshot_id, MemoryDocuments({d.id: d for d in self.source}))
        self.embedder = WordEmbedder(EmbedderSpec(EmbedderBackend.OPENVINO, "words", 8, window=16))
        self.generator = QuotingGenerator()
        self.release = Release(
            name="base",
            base_model="none",
            adapter=None,
            prompt_id=PROMPT_ID,
            dataset_sha256=None,
            report_sha256=None,
        )
        self._chunks = [chunk for document in self.source for chunk in chunks_of(document)]

    async def search(self, inquiry: Inquiry, k: int, mode: SearchMode) -> SearchResult:
        hits = self._hits(inquiry.question, k, inquiry.wanted)
        return SearchResult(inquiry.question, self.snapshot.id, tuple(hits), {"retrieval": 1.0})

    async def stream(self, inquiry: Inquiry) -> AsyncGenerator[AnswerEvent]:
        question = inquiry.question
        found = tuple(
            Passage(marker, hit.chunk, hit.score)
            for marker, hit in enumerate(self._hits(question, inquiry.passages or 3, inquiry.wanted), 1)
        )
        answer_id = uuid.uuid4().hex
        try:
            yield Retrieved(answer_id, found)
            text, citations = _quote(question, found)
            for piece in re.findall(r"\s*\S{1,4}", text):
                await asyncio.sleep(self.pause_seconds)
                yield Delta(piece)
                if self.failure is not None:
                    raise self.failure
            for citation in citations:
                yield Cited(citation)
            answer = replace(self._answer(answer_id, question, text, citations, found), asker=inquiry.asker)
            if self.history is not None:
                await asyncio.to_thread(self.history.keep, answer, inquiry)
            yield Finished(answer)
        finally:
            self.stopped.set()

    async def aclose(self) -> None:
        self.closed = True

    def _hits(self, query: str, k: int, wanted: Filter) -> list[Hit]:
        """Of a filter it knows conditions on the document's URI alone."""
        words = terms(query)
        if not words:
            raise NoTermsError(
                f"{query!r} holds no word that could be searched for: write a question in words."
            )
        scored = [(len(words & terms(chunk.text)) / len(words), chunk) for chunk in self._chunks]
        scored = [
            (score, chunk)
            for score, chunk in scored
            if all(condition.test.admits(meanings(chunk.uri)) for condition in wanted.conditions)
        ]
        best = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: -pair[0])
        return [Hit(chunk, score, None, score) for score, chunk in best[:k]]

    def _answer(
        self,
        answer_id: str,
        question: str,
        text: str,
        citations: tuple[Citation, ...],
        passages: tuple[Passage, ...],
    ) -> Answer:
        return Answer(
            id=answer_id,
            question=question,
            text=text,
            language="zh" if _HAN.search(question) else "en",
            citations=citations,
            passages=passages,
            abstained=not citations,
            groundedness=1.0 if citations else 0.0,
            evidence=passages[0].score if passages else 0.0,
            invented_markers=0,
            degraded=self.degraded,
            generator="extractive" if self.degraded else self.generator.name,
            suspicious=self.suspicious,
            prompt_id=PROMPT_ID,
            release=self.release.name,
            collection=self.collection,
            snapshot_id=self.snapshot.id,
            timings_ms={"retrieval": 3.1, "first_token": 412.0, "generation": 1276.0, "total": 1280.5},
            usage=Usage(412, 37),
            created_at=timestamp(datetime.now(UTC)),
        )


def _quote(question: str, passages: tuple[Passage, ...]) -> tuple[str, tuple[Citation, ...]]:
    """The best sentence of each of the best two passages, cited; a refusal if none fits."""
    wanted = terms(question)
    text = ""
    citations: list[Citation] = []
    for passage in passages[:2]:
        if passage.score < 0.3:
            continue
        chunk = passage.chunk
        sentence = max(_SENTENCE.finditer(chunk.text), key=lambda match: len(wanted & terms(match[0])))
        start = sentence.start() + len(sentence[0]) - len(sentence[0].lstrip())
        quote = chunk.text[start : sentence.end()]
        text += " " if text else ""
        citations.append(
            Citation(
                marker=passage.marker,
                chunk=chunk,
                answer_start=len(text),
                answer_end=len(text) + len(quote),
                quote=quote,
                quote_start=chunk.start + start,
                quote_end=chunk.start + sentence.end(),
                page=chunk.page_start,
                supported=True,
            )
        )
        text += f"{quote} [{passage.marker}]"
    if not citations:
        language = "zh" if _HAN.search(question) else "en"
        return template_for(language).refusal, ()
    return text, tuple(citations)


@dataclass
class OnePipeline:
    """A provider of the one pipeline it holds, under its collection's name."""

    pipeline: MemoryPipeline
    leases: int = 0

    @asynccontextmanager
    async def lease(
        self, collection: str, conversation: str | None = None, release: str | None = None
    ) -> AsyncGenerator[Answering]:
        if collection != self.pipeline.collection:
            raise CollectionNotFoundError(f"no collection is named {collection!r}: ingest into it first.")
        self.leases += 1
        try:
            yield self.pipeline
        finally:
            self.leases -= 1

    def collections(self) -> Sequence[CollectionSummary]:
        documents = self.pipeline.snapshot.documents.by_id.values()
        chunks = sum(len(chunks_of(document)) for document in documents)
        return [
            CollectionSummary(self.pipeline.collection, self.pipeline.snapshot.id, len(documents), chunks)
        ]

    async def aclose(self) -> None:
        await self.pipeline.aclose()
