from __future__ import annotations

import pytest

from ingest.errors import EmptyQuestionError, QuestionTooLongError
from service.question import check_question


@pytest.mark.parametrize("question", ["", "   ", "\n\t\u3000"])
def test_a_question_of_white_space_is_refused(question: str) -> None:
    with pytest.raises(EmptyQuestionError):
        check_question(question, 10)


def test_the_limit_counts_characters_without_the_white_space_around() -> None:
    assert check_question("  𠮷𠮷𠮷 ", 3) == "𠮷𠮷𠮷"
    with pytest.raises(QuestionTooLongError, match=r"4 characters.*at most 3"):
        check_question("𠮷𠮷𠮷𠮷", 3)
