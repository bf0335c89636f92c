"""Personal data covered in what is kept of a conversation; every offset stays."""

from __future__ import annotations

from dataclasses import replace

from service.answer import Answer
from service.history.feedback import Feedback
from service.privacy.find import covered
from service.question import Inquiry


def covered_answer(answer: Answer) -> Answer:
    """``answer`` without personal data in what was asked and told; its passages are the documents' words."""
    return replace(
        answer,
        question=covered(answer.question),
        text=covered(answer.text),
        standalone_question=_covered_or_none(answer.standalone_question),
        matched_question=_covered_or_none(answer.matched_question),
        queries=tuple(map(covered, answer.queries)),
    )


def covered_turns(inquiry: Inquiry) -> Inquiry:
    """``inquiry`` without personal data in the turns before it."""
    return replace(inquiry, history=tuple(map(covered, inquiry.history)))


def covered_judgement(judgement: Feedback) -> Feedback:
    """``judgement`` without personal data in its words."""
    return replace(
        judgement,
        correction=_covered_or_none(judgement.correction),
        comment=_covered_or_none(judgement.comment),
    )


def _covered_or_none(text: str | None) -> str | None:
    return None if text is None else covered(text)
