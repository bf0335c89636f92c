"""What went wrong with a case, decided from its record alone."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from eval.metrics.correctness import has_references, is_right, quality
from eval.runs.record import CaseRecord


class Diagnosis(StrEnum):
    """Where an answer was lost, in the order of the pipeline."""

    FAILED = "failed"
    RETRIEVAL_MISSED = "retrieval missed"
    WRONGLY_REFUSED = "wrongly refused"
    GENERATOR_IGNORED = "generator ignored"
    UNSUPPORTED = "unsupported"


MEANINGS = {
    Diagnosis.FAILED: "there is no answer but an error",
    Diagnosis.RETRIEVAL_MISSED: "refused or wrong, and no passage is one that was expected",
    Diagnosis.WRONGLY_REFUSED: "refused, though what was expected is among the passages",
    Diagnosis.GENERATOR_IGNORED: "wrong, though what was expected is among the passages",
    Diagnosis.UNSUPPORTED: "answered what can't be answered, or with sentences that no quote bears out",
}


def diagnose(record: CaseRecord) -> Diagnosis | None:
    """Why the case is not as it should be; None where it is.

    The first that holds:

    1. ``FAILED``: there is no answer but an error.
    2. ``UNSUPPORTED``: the question can't be answered from the documents, and was.
    3. ``RETRIEVAL_MISSED``: refused or wrong, and no passage is one that the case expects.
    4. ``WRONGLY_REFUSED``: refused, though a passage is expected, or the case doesn't say which is.
    5. ``GENERATOR_IGNORED``: wrong, likewise.
    6. ``UNSUPPORTED``: right, with sentences that no quote supports.

    What is right is said in ``eval.metrics.correctness``; every answer is to a case without references.
    """
    answer = record.answer
    if answer is None:
        return Diagnosis.FAILED
    if not record.case.answerable:
        return None if answer.abstained else Diagnosis.UNSUPPORTED
    if answer.abstained or (has_references(record) and not is_right(record)):
        if misses_expected(record):
            return Diagnosis.RETRIEVAL_MISSED
        return Diagnosis.WRONGLY_REFUSED if answer.abstained else Diagnosis.GENERATOR_IGNORED
    return Diagnosis.UNSUPPORTED if answer.groundedness < 1.0 else None


def misses_expected(record: CaseRecord) -> bool:
    """Whether the case says what holds its answer, and no passage is such."""
    if record.answer is None:
        return False
    judged = [passage.relevant for passage in record.answer.passages if passage.relevant is not None]
    expected = bool(judged) or bool(record.case.relevant)
    return expected and not any(judged)


def loss(record: CaseRecord) -> float:
    """How far a case is from what it should be, in 0..1: 0 if and only if it has no diagnosis.

    1 for an error, a wrong refusal and an answer to what can't be answered; else what is missing from the
    quality or, if more, from the support of the answer.
    """
    diagnosis = diagnose(record)
    if diagnosis is None:
        return 0.0
    if record.answer is None or record.answer.abstained or not record.case.answerable:
        return 1.0
    support = record.answer.groundedness
    return 1.0 - (min(quality(record), support) if has_references(record) else support)


def worst_cases(records: Iterable[CaseRecord], most: int) -> list[CaseRecord]:
    """The cases of the greatest loss, worst first; among equals those that the service was surest of.

    Evidence is how sure it was; a last tie is broken by the id, so that the order of the records is
    without effect.
    """
    judged = ((loss(record), record) for record in records)
    wrong = [(lost, record) for lost, record in judged if lost > 0.0]
    wrong.sort(key=lambda pair: (-pair[0], -_evidence(pair[1]), pair[1].case.id))
    return [record for _, record in wrong[:most]]


def _evidence(record: CaseRecord) -> float:
    return 0.0 if record.answer is None else record.answer.evidence
