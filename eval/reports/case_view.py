"""A case as the page shows it: its texts cut where citations begin and end."""

from __future__ import annotations

from dataclasses import dataclass

from eval.metrics.correctness import has_references, quality
from eval.reports.diagnosis import Diagnosis, diagnose
from eval.reports.marked_text import Mark, MarkKind, Piece, marked_pieces
from eval.runs.record import AnswerRecord, CaseRecord, CitationRecord, PassageRecord
from ingest.words.language import detect_language


@dataclass(frozen=True, slots=True)
class CitationView:
    """A citation with the kind of its mark."""

    record: CitationRecord
    kind: MarkKind


@dataclass(frozen=True, slots=True)
class PassageView:
    """A passage, what is quoted from it marked, in the language it seems to be in."""

    record: PassageRecord
    language: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case that is not as it should be; there are no pieces where there is no answer.

    ``quality`` is None where the case doesn't say what a right answer is.
    """

    record: CaseRecord
    diagnosis: Diagnosis
    quality: float | None
    answer: tuple[Piece, ...]
    citations: tuple[CitationView, ...]
    passages: tuple[PassageView, ...]


def view_case(record: CaseRecord) -> CaseView:
    """The view of a case that has a diagnosis."""
    diagnosis = diagnose(record)
    if diagnosis is None:
        raise ValueError(f"nothing is wrong with case {record.case.id!r}")
    answer = record.answer
    if answer is None:
        return CaseView(record, diagnosis, None, (), (), ())
    marks = [Mark(c.answer_start, c.answer_end, mark_kind(c)) for c in answer.citations]
    return CaseView(
        record,
        diagnosis,
        quality(record) if has_references(record) else None,
        tuple(marked_pieces(answer.text, marks)),
        tuple(CitationView(citation, mark_kind(citation)) for citation in answer.citations),
        tuple(_view_passage(passage, answer) for passage in answer.passages),
    )


def mark_kind(citation: CitationRecord) -> MarkKind:
    """The worst that can be said of a citation."""
    if not citation.exact:
        return MarkKind.INEXACT
    if citation.right is False:
        return MarkKind.ELSEWHERE
    return MarkKind.SUPPORTED if citation.supported else MarkKind.UNSUPPORTED


def _view_passage(passage: PassageRecord, answer: AnswerRecord) -> PassageView:
    marks = [
        Mark(citation.quote_start - passage.start, citation.quote_end - passage.start, mark_kind(citation))
        for citation in answer.citations
        if citation.marker == passage.marker
    ]
    return PassageView(passage, detect_language(passage.text), tuple(marked_pieces(passage.text, marks)))
