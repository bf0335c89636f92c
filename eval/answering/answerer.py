"""Who answers the cases of a run, and how an answer becomes a record.

The answers of the pipeline in this process and those of a server have one form, that of the HTTP
interface, and one function makes records of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from eval.cases.case import Case
from eval.runs.places import is_exact, leads_to, names_document, needs_source
from eval.runs.record import AnswerRecord, CaseRecord, CitationRecord, PassageRecord
from service.schemas import AnswerBody, CitationBody, PassageBody

SEARCH_DEPTH = 10
"""Hits among which the expected document is looked for."""


class Answerer(Protocol):
    """Answers one case at a time, or several."""

    async def record(self, case: Case) -> CaseRecord:
        """The case with its answer.

        Raises:
            ServerError: no case can be answered any more.
            TroikaError: this one cannot.
        """
        ...


class Sources(Protocol):
    """What answers were made from."""

    async def text_of(self, document_id: str) -> str:
        """The text of a document; empty where it is not kept."""
        ...

    async def found(self, case: Case) -> tuple[str, ...]:
        """The URIs of the best ``SEARCH_DEPTH`` hits for the question, best first."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """What answers: its generator, prompt and release, and the snapshot that it answers from.

    ``refusal_bias`` is the release's own, in logits; None where a server was asked, which does not tell it.
    """

    generator: str
    prompt_id: str
    release: str
    collection: str
    snapshot_id: str
    refusal_bias: float | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with the milliseconds that whoever asked waited for its first words, and for all of it.

    ``first_token_ms`` is None where the answer came whole.
    """

    answer: AnswerBody
    first_token_ms: float | None
    total_ms: float


async def record_from_sources(case: Case, answered: Answered, sources: Sources) -> CaseRecord:
    """The record of an answer that was made from what a search found."""
    answer = answered.answer
    read = {citation.document_id for citation in answer.citations} | {
        passage.document_id
        for passage in answer.passages
        if any(needs_source(passage.uri, place) for place in case.relevant)
    }
    texts = {document_id: await sources.text_of(document_id) for document_id in sorted(read)}
    relevant = {
        passage.marker: any(
            leads_to(passage.uri, passage.start, passage.end, place, texts.get(passage.document_id, ""))
            for place in case.relevant
        )
        for passage in answer.passages
        if case.relevant
    }
    ranks = await _ranks_of_expected(case, answer, sources)
    return make_record(case, answered, relevant, texts, ranks)


async def _ranks_of_expected(case: Case, answer: AnswerBody, sources: Sources) -> tuple[int, ...] | None:
    if not case.relevant or not case.answerable:
        return None
    expected = tuple(dict.fromkeys(place.document for place in case.relevant))
    # The first passage is the best hit. What stands behind it was picked and merged from hits, so its
    # rank is asked for.
    if len(expected) == 1 and any(names_document(first.uri, expected[0]) for first in answer.passages[:1]):
        return (1,)
    found = tuple(dict.fromkeys(await sources.found(case)))
    return tuple(
        next((rank for rank, uri in enumerate(found, start=1) if names_document(uri, document)), 0)
        for document in expected
    )


def make_record(
    case: Case,
    answered: Answered,
    relevant: Mapping[int, bool],
    texts: Mapping[str, str],
    ranks: tuple[int, ...] | None,
) -> CaseRecord:
    """The record of an answer.

    Args:
        relevant: by the marker of each passage, whether it leads to where the answer is; empty where the
            case doesn't say where that is.
        texts: the texts of the cited documents, by their ids.
    """
    answer = answered.answer
    return CaseRecord(
        case=replace(case, passages=()),
        answer=AnswerRecord(
            text=answer.text,
            language=answer.language,
            abstained=answer.abstained,
            evidence=answer.evidence,
            groundedness=answer.groundedness,
            invented_markers=answer.invented_markers,
            degraded=answer.degraded,
            cache=None if answer.cache is None else answer.cache.value,
            generator=answer.generator,
            prompt_id=answer.prompt_id,
            release=answer.release,
            snapshot_id=answer.snapshot_id,
            passages=tuple(_passage(passage, relevant.get(passage.marker)) for passage in answer.passages),
            citations=tuple(
                _citation(citation, texts.get(citation.document_id, ""), relevant.get(citation.marker))
                for citation in answer.citations
            ),
            timings_ms=answer.timings_ms,
            prompt_tokens=answer.usage.prompt_tokens,
            completion_tokens=answer.usage.completion_tokens,
        ),
        ranks=ranks,
        first_token_ms=answered.first_token_ms,
        total_ms=answered.total_ms,
    )


def _passage(passage: PassageBody, relevant: bool | None) -> PassageRecord:
    return PassageRecord(
        marker=passage.marker,
        uri=passage.uri,
        title=passage.title,
        start=passage.start,
        end=passage.end,
        text=passage.text,
        score=passage.score,
        relevant=relevant,
    )


def _citation(citation: CitationBody, source: str, right: bool | None) -> CitationRecord:
    return CitationRecord(
        marker=citation.marker,
        uri=citation.uri,
        answer_start=citation.answer_start,
        answer_end=citation.answer_end,
        quote=citation.quote,
        quote_start=citation.quote_start,
        quote_end=citation.quote_end,
        page=citation.page,
        supported=citation.supported,
        exact=is_exact(citation.quote, citation.quote_start, citation.quote_end, source),
        right=right,
    )
