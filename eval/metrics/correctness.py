"""Whether the answer of a record is right, by its words alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eval.metrics.normal_form import without_markers
from eval.metrics.words import contains_answer, token_f1
from eval.runs.record import AnswerRecord, CaseRecord

RIGHT_F1 = 0.5
"""An answer that doesn't hold a reference word for word is right from this token F1 on."""

Metric = Callable[[str, Sequence[str]], float]


def has_references(record: CaseRecord) -> bool:
    """Whether the case says what a right answer is."""
    return bool(record.case.answers or record.case.parts)


def given_answer(record: CaseRecord) -> AnswerRecord | None:
    """The answer of the record; None where the case failed or the service abstained."""
    return None if record.answer is None or record.answer.abstained else record.answer


def score(record: CaseRecord, metric: Metric) -> float:
    """``metric`` of the answer given, without its markers, against the references; 0 without an answer."""
    answer = given_answer(record)
    return 0.0 if answer is None else metric(without_markers(answer.text), record.case.answers)


def says_answer(record: CaseRecord) -> float:
    """1 when the answer holds a reference (``contains_answer``), or one for each part that it must name."""
    parts = record.case.parts
    if not parts:
        return score(record, contains_answer)
    answer = given_answer(record)
    said = "" if answer is None else without_markers(answer.text)
    return min(contains_answer(said, part) for part in parts)


def quality(record: CaseRecord) -> float:
    """How right a given answer is, in 0..1: 1 where it says what it must, else its token F1."""
    return max(says_answer(record), score(record, token_f1))


def is_right(record: CaseRecord) -> bool:
    """Whether the question can be answered and was, with a quality of ``RIGHT_F1`` or more."""
    return record.case.answerable and quality(record) >= RIGHT_F1
