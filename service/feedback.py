"""What a reader said of an answer; the raw material of the next training set."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from ingest.errors import FeedbackError
from ingest.words.questions import normalized
from service.answer import Answer

Verdict = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """One judgement of one answer. Judgements are only added, never changed: the latest one counts.

    ``correction`` is the answer that the reader would have wanted; ``created_at`` is ISO 8601 in UTC.
    ``wrong_citations`` are markers of the answer whose passages don't bear it out; ``preferred_over`` is
    another answer to the same question, which the reader likes less.
    """

    id: str
    answer_id: str
    verdict: Verdict
    correction: str | None
    comment: str | None
    created_at: str
    wrong_citations: tuple[int, ...] = ()
    preferred_over: str | None = None


def new_feedback(
    answer_id: str,
    verdict: Verdict,
    correction: str | None = None,
    comment: str | None = None,
    wrong_citations: Sequence[int] = (),
    preferred_over: str | None = None,
) -> Feedback:
    """A judgement made now. A correction or comment of nothing but white space counts as none."""
    return Feedback(
        id=uuid.uuid4().hex,
        answer_id=answer_id,
        verdict=verdict,
        correction=_said(correction),
        comment=_said(comment),
        created_at=timestamp(datetime.now(UTC)),
        wrong_citations=tuple(sorted(set(wrong_citations))),
        preferred_over=preferred_over,
    )


def check_feedback(feedback: Feedback, judged: Answer, other: Answer | None) -> None:
    """See to it that ``feedback`` can be about ``judged``; ``other`` is the answer that it is preferred over.

    Raises:
        FeedbackError: a citation is called wrong that the answer does not have, or it is preferred over
            itself or over an answer to another question.
    """
    cited = sorted({citation.marker for citation in judged.citations})
    unknown = [marker for marker in feedback.wrong_citations if marker not in cited]
    if unknown:
        raise FeedbackError(
            f"wrong_citations names {unknown}, but the answer cites {cited}: name markers that it cites."
        )
    if other is None:
        return
    if other.id == judged.id or normalized(other.question) != normalized(judged.question):
        raise FeedbackError(
            f"preferred_over is {other.id!r}, which is no other answer to the same question: "
            "name one that was given to it."
        )


def timestamp(moment: datetime) -> str:
    """``moment`` in UTC to the millisecond, in the one form that sorts as text: feedback is found by it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _said(text: str | None) -> str | None:
    return text.strip() or None if text is not None else None
