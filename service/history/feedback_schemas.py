"""The JSON of judgements: what is sent with ``POST /v1/feedback``, and an answer with what was said of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from service.history.feedback import CitationVerdict, Feedback, Verdict, new_feedback
from service.history.stored import StoredAnswer
from service.schemas import AnswerBody, RequestBody, ResponseBody, Text

MAX_FEEDBACK_CHARACTERS = 20_000
MAX_CITATIONS = 50
MAX_RANKED = 20

FeedbackText = Annotated[Text, Field(max_length=MAX_FEEDBACK_CHARACTERS)]
AnswerId = Annotated[Text, Field(max_length=200)]


class CitationJudgement(RequestBody):
    """What is said of one citation: whether its passage bears the answer out."""

    marker: int
    verdict: Verdict


class FeedbackRequest(RequestBody):
    """A judgement of an answer. Send another one to change your mind: the latest counts."""

    answer_id: AnswerId
    verdict: Verdict | None = Field(default=None, description="may be left out where something else is said")
    correction: FeedbackText | None = Field(default=None, description="the answer that would have been right")
    comment: FeedbackText | None = None
    citations: tuple[CitationJudgement, ...] = Field(
        default=(), max_length=MAX_CITATIONS, description="judgements of single citations"
    )
    wrong_citations: tuple[int, ...] = Field(
        default=(),
        max_length=MAX_CITATIONS,
        description="markers of citations whose passages do not bear the answer out: `citations` in short",
    )
    preferred_over: AnswerId | None = Field(
        default=None, description="another answer to the same question that is worse"
    )
    ranking: tuple[AnswerId, ...] = Field(
        default=(),
        max_length=MAX_RANKED,
        description="ids of answers to the same question, the best first, with `answer_id` among them",
    )

    def judgement(self) -> Feedback:
        """The judgement, made now."""
        return new_feedback(
            self.answer_id,
            self.verdict,
            self.correction,
            self.comment,
            self.wrong_citations,
            self.preferred_over,
            [CitationVerdict(said.marker, said.verdict) for said in self.citations],
            self.ranking,
        )


class CitationJudgementBody(ResponseBody):
    """What was said of one citation."""

    marker: int
    verdict: Verdict


class FeedbackBody(ResponseBody):
    """A kept judgement."""

    id: str
    answer_id: str
    verdict: Verdict | None
    correction: str | None
    comment: str | None
    created_at: str
    citations: tuple[CitationJudgementBody, ...]
    wrong_citations: tuple[int, ...]
    preferred_over: str | None
    ranking: tuple[str, ...]

    @classmethod
    def of(cls, feedback: Feedback) -> FeedbackBody:
        return cls(
            id=feedback.id,
            answer_id=feedback.answer_id,
            verdict=feedback.verdict,
            correction=feedback.correction,
            comment=feedback.comment,
            created_at=feedback.created_at,
            citations=tuple(
                CitationJudgementBody(marker=said.marker, verdict=said.verdict) for said in feedback.citations
            ),
            wrong_citations=feedback.wrong_citations,
            preferred_over=feedback.preferred_over,
            ranking=feedback.ranking,
        )


class StoredAnswerBody(AnswerBody):
    """A kept answer with its judgements, oldest first."""

    feedback: tuple[FeedbackBody, ...]

    @classmethod
    def of_stored(cls, stored: StoredAnswer) -> StoredAnswerBody:
        judgements = [FeedbackBody.of(feedback) for feedback in stored.feedback]
        return cls.model_validate(AnswerBody.of(stored.answer).model_dump() | {"feedback": judgements})
