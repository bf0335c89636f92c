"""Records of cases made by hand: each test says of them only what it is about."""

from __future__ import annotations

from collections.abc import Sequence

from eval.cases.case import Case, Relevant
from eval.runs.record import AnswerRecord, CaseRecord, CitationRecord, Failure, PassageRecord


def case(
    name: str = "case",
    *answers: str,
    answerable: bool = True,
    document: str | None = None,
    language: str = "en",
    tags: Sequence[str] = (),
    parts: tuple[tuple[str, ...], ...] = (),
    false_answers: tuple[str, ...] = (),
) -> Case:
    """A case that the answers are right for, found in ``document``."""
    relevant = () if document is None else (Relevant(document),)
    return Case(
        name,
        "?",
        language,
        answers,
        answerable,
        relevant,
        tuple(tags),
        parts=parts,
        false_answers=false_answers,
    )


def citation(
    start: int,
    end: int,
    *,
    marker: int = 1,
    quote: str = "Quote.",
    supported: bool = True,
    exact: bool = True,
    right: bool | None = None,
) -> CitationRecord:
    """A citation of the answer's characters ``[start, end)``."""
    return CitationRecord(
        marker, "file:///a.md", start, end, quote, 0, len(quote), None, supported, exact, right
    )


def passage(marker: int, text: str, relevant: bool | None = None) -> PassageRecord:
    """A passage that the generator saw."""
    return PassageRecord(marker, "file:///a.md", "", 0, len(text), text, 1.0, relevant)


def answered(
    of: Case,
    text: str,
    *,
    citations: tuple[CitationRecord, ...] = (),
    passages: tuple[PassageRecord, ...] = (),
    abstained: bool = False,
    evidence: float = 0.5,
    groundedness: float = 1.0,
    degraded: str | None = None,
    tokens: tuple[int, int] = (0, 0),
    found_at: int | None = None,
) -> CaseRecord:
    """The record of a case that was answered with ``text``."""
    answer = AnswerRecord(
        text=text,
        language=of.language,
        abstained=abstained,
        evidence=evidence,
        groundedness=groundedness,
        invented_markers=0,
        degraded=degraded,
        cache=None,
        generator="fake",
        prompt_id="prompt",
        release="base",
        snapshot_id="snapshot",
        passages=passages,
        citations=citations,
        timings_ms={},
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
    )
    return CaseRecord(of, answer, ranks=None if found_at is None else (found_at,))


def refused(of: Case, *, evidence: float = 0.1, found_at: int | None = None) -> CaseRecord:
    """The record of a case that the service would not answer."""
    return answered(
        of, "I don't know.", abstained=True, evidence=evidence, groundedness=0.0, found_at=found_at
    )


def failed(of: Case) -> CaseRecord:
    """The record of a case that ended in an error."""
    return CaseRecord(of, None, Failure("generator_failed", "it broke."))
