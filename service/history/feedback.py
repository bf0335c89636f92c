"""What a reader said of an answer; the raw material of the next training set."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from ingest.errors import FeedbackError
from ingest.words.questions import normalized
from service.answer import Answer

Verdict = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class CitationVerdict:
    """Whether the passage behind a citation's marker bears the answer out."""

    marker: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Feedback:
    """One judgement of one answer. Judgements are only added, never changed: the latest one counts.

    Attributes:
        verdict: a thumb; None where only something else is said.
        correction: the answer that the reader would have wanted.
        created_at: ISO 8601 in UTC.
        citations: what is said of single citations, in the order of their markers.
        preferred_over: another answer to the same question, which the reader likes less.
        ranking: ids of answers to the same question, the best first, the judged one among them.
    """

    id: str
    answer_id: str
    verdict: Verdict | None
    correction: str | None
    comment: str | None
    created_at: str
    citations: tuple[CitationVerdict, ...] = ()
    preferred_over: str | None = None
    ranking: tuple[str, ...] = ()

    @property
    def wrong_citations(self) -> tuple[int, ...]:
        """Markers of the answer whose passages don't bear it out."""
        return tuple(said.marker for said in self.citations if said.verdict == "down")

    @property
    def others(self) -> tuple[str, ...]:
        """The ids of the answers that it speaks of besides the judged one."""
        named = (*self.ranking, *([self.preferred_over] if self.preferred_over else ()))
        return tuple(dict.fromkeys(other for other in named if other != self.answer_id))

    @property
    def finds_fault(self) -> bool:
        """Whether the answer should not be given again: a correction without a thumb says so, too."""
        return self.verdict == "down" or (self.verdict is None and self.correction is not None)


def new_feedback(
    answer_id: str,
    verdict: Verdict | None = None,
    correction: str | None = None,
    comment: str | None = None,
    wrong_citations: Sequence[int] = (),
    preferred_over: str | None = None,
    citations: Sequence[CitationVerdict] = (),
    ranking: Sequence[str] = (),
) -> Feedback:
    """A judgement made now. A correction or comment of nothing but white space counts as none.

    ``wrong_citations`` are the markers of ``citations`` that are judged down, said in short.
    """
    said = {*citations, *(CitationVerdict(marker, "down") for marker in wrong_citations)}
    return Feedback(
        id=uuid.uuid4().hex,
        answer_id=answer_id,
        verdict=verdict,
        correction=_said(correction),
        comment=_said(comment),
        created_at=timestamp(datetime.now(UTC)),
        citations=tuple(sorted(said, key=lambda one: (one.marker, one.verdict))),
        preferred_over=preferred_over,
        ranking=tuple(ranking),
    )


def check_feedback(feedback: Feedback, judged: Answer, others: Mapping[str, Answer]) -> None:
    """See to it that ``feedback`` can be about ``judged``.

    Args:
        others: the answers of ``feedback.others``, by id.

    Raises:
        FeedbackError: it says nothing, or what cannot be said: of a citation that the answer does not have,
            that one is right and wrong, or of answers to different questions.
    """
    thumb_or_words = (feedback.verdict, feedback.correction, feedback.comment, feedback.preferred_over)
    if not (any(thumb_or_words) or feedback.citations or feedback.ranking):
        raise FeedbackError(
            "the judgement says nothing: give a verdict, a correction, a comment, citations, preferred_over "
            "or a ranking."
        )
    _check_citations(feedback, sorted({citation.marker for citation in judged.citations}))
    if feedback.preferred_over == judged.id:
        raise FeedbackError("preferred_over is the judged answer itself: name another one.")
    if feedback.ranking:
        _check_ranking(feedback)
    for other in others.values():
        if normalized(other.question) != normalized(judged.question):
            raise FeedbackError(
                f"{other.id!r} is no other answer to the same question: name one that was given to it."
            )


def _check_citations(feedback: Feedback, cited: list[int]) -> None:
    markers = [said.marker for said in feedback.citations]
    unknown = [marker for marker in markers if marker not in cited]
    if unknown:
        raise FeedbackError(
            f"citations are judged with the markers {unknown}, but the answer cites {cited}: name markers "
            "that it cites."
        )
    if len(set(markers)) < len(markers):
        raise FeedbackError(f"a citation among {markers} is judged up and down: judge it once.")


def _check_ranking(feedback: Feedback) -> None:
    ranking = feedback.ranking
    if len(ranking) < 2 or len(set(ranking)) < len(ranking) or feedback.answer_id not in ranking:
        raise FeedbackError(
            f"the ranking names {len(ranking)} answers: expected two or more different ones, with the judged "
            "one among them."
        )


def timestamp(moment: datetime) -> str:
    """``moment`` in UTC to the millisecond, in the one form that sorts as text: feedback is found by it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _said(text: str | None) -> str | None:
    return text.strip() or None if text is not None else None
