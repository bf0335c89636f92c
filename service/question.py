"""The checks that every question passes before any work is done for it."""

from __future__ import annotations

from ingest.errors import EmptyQuestionError, QuestionTooLongError


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
