"""What is asked, by whom, and the checks that every question passes before any work is done for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.errors import EmptyQuestionError, QuestionTooLongError
from ingest.filters.filters import EVERYTHING, Filter


@dataclass(frozen=True, slots=True)
class SamplingWish:
    """How an asker would have the answer written; what is None is left to the settings.

    Attributes:
        max_tokens: the most tokens, where the settings allow so many.
        temperature: 0 takes the likeliest token.
        top_p: tokens are chosen among the likeliest that make up this probability.
        stop: texts before which the answer ends.
        seed: of the choice of tokens.
        json_schema: the answer is JSON of this schema, itself in JSON.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    json_schema: str | None = None


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question with all that its answer hangs on, besides the collection and the release.

    Attributes:
        question: as the asker wrote it.
        passages: the most passages to answer from; None leaves it to the settings.
        history: the texts of the turns before it, oldest first: questions and their answers.
        wanted: only what meets this filter is searched, and read with what stands around it.
        groups: those that the asker is in; None takes those of the settings.
        asker: who asks, by the name of a key or a person; None where nobody is told apart.
        sampling: how the answer is to be written.
        cache: whether a kept answer will do, and this one may be kept for others.
    """

    question: str
    passages: int | None = None
    history: Sequence[str] = ()
    wanted: Filter = EVERYTHING
    groups: frozenset[str] | None = None
    asker: str | None = None
    sampling: SamplingWish | None = None
    cache: bool = True

    @property
    def json_schema(self) -> str | None:
        """The schema, itself in JSON, of the JSON that the answer is to be; None for prose."""
        return None if self.sampling is None else self.sampling.json_schema


def check_question(question: str, limit: int) -> str:
    """``question`` without the white space around it.

    Args:
        question: what the user sent.
        limit: the most characters (code points) accepted.

    Raises:
        EmptyQuestionError: nothing is left of it.
        QuestionTooLongError: it has more than ``limit`` characters.
    """
    stripped = question.strip()
    if not stripped:
        raise EmptyQuestionError("the question is empty: expected at least one word; write a question.")
    if len(stripped) > limit:
        raise QuestionTooLongError(
            f"the question has {len(stripped)} characters, and at most {limit} are accepted: "
            "shorten it or raise server.max_question_characters."
        )
    return stripped
