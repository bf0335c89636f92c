"""Cases answered by the pipeline in this process: from a collection, or from the case's own passages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

from eval.answering.answerer import (
    SEARCH_DEPTH,
    Answered,
    Answerer,
    Served,
    make_record,
    record_from_sources,
)
from eval.answering.stopwatch import Stopwatch
from eval.cases.case import Case
from eval.retrieval.dataset_index import ensure_oracle_collection
from eval.runs.record import CaseRecord
from ingest.document import BlockKind, Chunk, Document, Hit, chunk_id, document_id
from ingest.errors import CasesError
from ingest.settings import Settings
from service.answer import Answer, AnswerEvent, Delta, Passage
from service.pipeline import AnswerPipeline, fold
from service.prompt import PROMPT_ID
from service.question import Inquiry
from service.retrieval.retrieve_mode import SearchMode
from service.schemas import AnswerBody
from service.wiring import open_pipeline


class Found(Protocol):
    """What a search gives back."""

    @property
    def hits(self) -> Sequence[Hit]: ...


class Documents(Protocol):
    """Where the source text of a citation is looked up."""

    def document(self, document_id: str) -> Document | None: ...


class Pipeline(Protocol):
    """The part of the pipeline that finds and answers."""

    def stream(self, inquiry: Inquiry) -> AsyncGenerator[AnswerEvent]: ...

    def search(self, inquiry: Inquiry, k: int, mode: SearchMode) -> Awaitable[Found]: ...

    def answer_from(self, inquiry: Inquiry, passages: Sequence[Passage]) -> Awaitable[Answer]: ...


@asynccontextmanager
async def open_answerer(
    settings: Settings, *, oracle: bool, release: str | None
) -> AsyncGenerator[tuple[Answerer, Served]]:
    """Who answers as the settings ask for; with ``oracle``, from the case's own passages.

    ``release`` is as in ``service.wiring.open_pipeline``.

    Raises:
        TroikaError: as ``service.wiring.open_pipeline``.
    """
    collection = ensure_oracle_collection(settings) if oracle else settings.collection
    pipeline = await open_pipeline(settings, collection, release=release)
    try:
        answerer = (
            OracleAnswerer(pipeline) if oracle else CollectionAnswerer(pipeline, pipeline.snapshot.documents)
        )
        yield answerer, _served(pipeline)
    finally:
        await pipeline.aclose()


def _served(pipeline: AnswerPipeline) -> Served:
    return Served(
        generator=pipeline.generator.name,
        prompt_id=PROMPT_ID,
        release=pipeline.release.name,
        collection=pipeline.snapshot.manifest.collection,
        snapshot_id=pipeline.snapshot.id,
        refusal_bias=pipeline.release.refusal_bias,
    )


class CollectionAnswerer:
    """Answers from the collection that its pipeline was opened for."""

    def __init__(self, pipeline: Pipeline, documents: Documents) -> None:
        self._pipeline = pipeline
        self._documents = documents

    async def record(self, case: Case) -> CaseRecord:
        """See ``Answerer``."""
        watch = Stopwatch()
        async with aclosing(self._pipeline.stream(Inquiry(case.question, history=case.history))) as events:
            answer = await fold(_timed(events, watch))
        answered = Answered(AnswerBody.of(answer), watch.first_words_ms, watch.elapsed_ms())
        return await record_from_sources(case, answered, self)

    async def text_of(self, document_id: str) -> str:
        """See ``Sources``."""
        document = self._documents.document(document_id)
        return "" if document is None else document.text

    async def found(self, case: Case) -> tuple[str, ...]:
        """See ``Sources``."""
        inquiry = Inquiry(case.question, history=case.history)
        found = await self._pipeline.search(inquiry, SEARCH_DEPTH, SearchMode.HYBRID)
        return tuple(hit.chunk.uri for hit in found.hits)


class OracleAnswerer:
    """Answers from the passages of each case, as a perfect retriever would have found them."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def record(self, case: Case) -> CaseRecord:
        """See ``Answerer``.

        Raises:
            CasesError: the case has no passages.
        """
        if not case.passages:
            raise CasesError(
                f"case {case.id!r} has no passages of its own, and an oracle run answers from those: "
                "give it some, or evaluate a collection."
            )
        watch = Stopwatch()
        passages = oracle_passages(case)
        answer = await self._pipeline.answer_from(Inquiry(case.question), passages)
        return make_record(
            case,
            Answered(AnswerBody.of(answer), None, watch.elapsed_ms()),
            relevant=relevant_markers(case),
            texts={passage.chunk.document_id: passage.chunk.text for passage in passages},
            ranks=None,
        )


def relevant_markers(case: Case) -> dict[int, bool]:
    """Which of the case's own passages hold the answer, by their markers; empty where none is said to."""
    known = any(passage.relevant for passage in case.passages)
    return {marker: passage.relevant for marker, passage in enumerate(case.passages, start=1) if known}


def oracle_passages(case: Case) -> tuple[Passage, ...]:
    """The case's own passages as the pipeline takes them: each a one-chunk document, numbered from 1."""
    made: list[Passage] = []
    for marker, passage in enumerate(case.passages, start=1):
        chunk = whole_chunk(f"case:{case.id}/{marker}", passage.title, passage.text, case.language)
        made.append(Passage(marker, chunk, score=1.0))
    return tuple(made)


def whole_chunk(uri: str, title: str, text: str, language: str) -> Chunk:
    """A document of one paragraph as its only chunk."""
    document = document_id(uri, text)
    return Chunk(
        id=chunk_id(document, 0, len(text)),
        document_id=document,
        uri=uri,
        title=title,
        heading_path=(),
        text=text,
        start=0,
        end=len(text),
        page_start=None,
        page_end=None,
        kind=BlockKind.PARAGRAPH,
        language=language,
    )


async def _timed(events: AsyncGenerator[AnswerEvent], watch: Stopwatch) -> AsyncGenerator[AnswerEvent]:
    async for event in events:
        if isinstance(event, Delta):
            watch.words()
        yield event
