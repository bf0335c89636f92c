"""What a reader said of an answer; the raw material of the next training set."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Verdict = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """One judgement of one answer. Judgements are only added, never changed: the latest one counts.

    ``correction`` is the answer that the reader would have wanted; ``created_at`` is ISO 8601 in UTC.
    """

    id: str
    answer_id: str
    verdict: Verdict
    correction: str | None
    comment: str | None
    created_at: str


def new_feedback(
    answer_id: str, verdict: Verdict, correction: str | None = None, comment: str | None = None
) -> Feedback:
    """A judgement made now. A correction or comment of nothing but white space counts as none."""
    return Feedback(
        id=uuid.uuid4().hex,
        answer_id=answer_id,
        verdict=verdict,
        correction=_said(correction),
        comment=_said(comment),
        created_at=timestamp(datetime.now(UTC)),
    )


def timestamp(moment: datetime) -> str:
    """``moment`` in UTC to the millisecond, in the one form that sorts as text: feedback is found by it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _said(text: str | None) -> str | None:
    return text.strip() or None if text is not None else None
