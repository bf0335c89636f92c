"""Put every case to the pipeline and keep what came back, ready to be measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from eval.answer_metrics import is_exact, is_right, names_document
from eval.cases.case import Case
from ingest.document import BlockKind, Chunk, Document, Hit, chunk_id, document_id
from ingest.errors import CasesError, TroikaError
from service.answer import Answer, AnswerEvent, Citation, Delta, Finished, Passage
from service.retrieve_mode import SearchMode

DOCUMENT_RANKS = 5

Result = TypeVar("Result")


class Found(Protocol):
    """What a search gives back."""

    @property
    def hits(self) -> Sequence[Hit]: ...


class Searcher(Protocol):
    """The part of the pipeline that finds passages."""

    def search(self, query: str, k: int, mode: SearchMode) -> Awaitable[Found]: ...


class Answerer(Searcher, Protocol):
    """The part of the pipeline that answers."""

    def stream(self, question: str) -> AsyncIterator[AnswerEvent]: ...

    def answer_from(self, question: str, passages: Sequence[Passage]) -> Awaitable[Answer]: ...


class Documents(Protocol):
    """Where the source text of a citation is looked up."""

    def document(self, document_id: str) -> Document | None: ...


@dataclass(frozen=True, slots=True)
class CitationCheck:
    """``exact``: the quote is the source's text. ``right``: it leads to the gold; None when unknown."""

    exact: bool
    right: bool | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case, its answer and what was checked while the collection was open.

    ``source_known`` says whether the case tells where its answer is. ``document_found`` says whether the
    expected document is among the first 5 passages; None when no document is expected or retrieval was
    left out. Times in milliseconds; ``first_token_ms`` is None when the answer came whole.
    """

    case: Case
    answer: Answer
    citations: tuple[CitationCheck, ...]
    source_known: bool
    document_found: bool | None
    first_token_ms: float | None
    total_ms: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that the pipeline could not answer, with the code and message of the error."""

    case_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class AnswerRun:
    """The outcomes and failures of a run, in the order of the cases."""

    outcomes: tuple[Outcome, ...]
    failures: tuple[Failure, ...]


def nothing() -> None:
    """The progress report of a run that nobody watches."""


async def run_answers(
    pipeline: Answerer,
    documents: Documents,
    cases: Sequence[Case],
    mode: SearchMode,
    *,
    oracle: bool = False,
    concurrency: int = 1,
    progress: Callable[[], None] = nothing,
) -> AnswerRun:
    """Answer every case, ``concurrency`` at a time. With ``oracle``, from the case's own passages.

    An error in one case is kept as a failure and does not stop the others.

    Raises:
        CasesError: ``oracle`` is asked for and no case has passages.
    """
    if oracle and not any(case.passages for case in cases):
        raise CasesError(
            "none of the cases has passages of its own, and an oracle run answers from those: "
            "use fine-tuning rows (with contexts), or evaluate a collection."
        )

    async def one(case: Case) -> Outcome | Failure:
        try:
            if oracle:
                return await _answer_from_passages(pipeline, case)
            return await _answer_from_collection(pipeline, documents, case, mode)
        except TroikaError as error:
            return Failure(case.id, error.code, str(error))
        finally:
            progress()

    results = await _bounded([lambda case=case: one(case) for case in cases], concurrency)
    return AnswerRun(
        tuple(result for result in results if isinstance(result, Outcome)),
        tuple(result for result in results if isinstance(result, Failure)),
    )


async def _bounded(jobs: Iterable[Callable[[], Awaitable[Result]]], concurrency: int) -> list[Result]:
    slots = asyncio.Semaphore(concurrency)

    async def run(job: Callable[[], Awaitable[Result]]) -> Result:
        async with slots:
            return await job()

    return await asyncio.gather(*(run(job) for job in jobs))


async def _answer_from_collection(
    pipeline: Answerer, documents: Documents, case: Case, mode: SearchMode
) -> Outcome:
    started = time.perf_counter()
    first_token: float | None = None
    answer: Answer | None = None
    async for event in pipeline.stream(case.question):
        if isinstance(event, Delta) and first_token is None:
            first_token = _milliseconds_since(started)
        if isinstance(event, Finished):
            answer = event.answer
    total = _milliseconds_since(started)
    if answer is None:
        raise TroikaError(f"the answer to case {case.id!r} ended without its last event.")
    checks: list[CitationCheck] = []
    for citation in answer.citations:
        document = documents.document(citation.chunk.document_id)
        source = "" if document is None else document.text
        checks.append(CitationCheck(is_exact(citation, source), is_right(citation, case, source)))
    found = await _finds_document(pipeline, case, mode)
    return Outcome(case, answer, tuple(checks), bool(case.relevant), found, first_token, total)


async def _finds_document(pipeline: Searcher, case: Case, mode: SearchMode) -> bool | None:
    if not case.relevant or not case.answerable:
        return None
    found = await pipeline.search(case.question, DOCUMENT_RANKS, mode)
    return any(
        names_document(hit.chunk.uri, place.document)
        for hit in found.hits[:DOCUMENT_RANKS]
        for place in case.relevant
    )


async def _answer_from_passages(pipeline: Answerer, case: Case) -> Outcome:
    started = time.perf_counter()
    passages = oracle_passages(case)
    answer = await pipeline.answer_from(case.question, passages)
    checks = tuple(_check_oracle(citation, case, passages) for citation in answer.citations)
    known = any(passage.relevant for passage in case.passages)
    return Outcome(case, answer, checks, known, None, None, _milliseconds_since(started))


def oracle_passages(case: Case) -> tuple[Passage, ...]:
    """The case's own passages as the pipeline takes them: each a one-chunk document, numbered from 1."""
    made: list[Passage] = []
    for marker, passage in enumerate(case.passages, start=1):
        uri = f"case:{case.id}/{marker}"
        document = document_id(uri, passage.text)
        chunk = Chunk(
            id=chunk_id(document, 0, len(passage.text)),
            document_id=document,
            uri=uri,
            title=passage.title,
            heading_path=(),
            text=passage.text,
            start=0,
            end=len(passage.text),
            page_start=None,
            page_end=None,
            kind=BlockKind.PARAGRAPH,
            language=case.language,
        )
        made.append(Passage(marker, chunk, score=1.0))
    return tuple(made)


def _check_oracle(citation: Citation, case: Case, passages: Sequence[Passage]) -> CitationCheck:
    by_chunk = {passage.chunk.id: gold for passage, gold in zip(passages, case.passages, strict=True)}
    cited = by_chunk.get(citation.chunk.id)
    if cited is None:
        return CitationCheck(exact=False, right=False)
    known = any(passage.relevant for passage in case.passages)
    return CitationCheck(is_exact(citation, cited.text), cited.relevant if known else None)


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000.0
