from __future__ import annotations

import pytest

from eval.cases.read import read_cases
from finetune.demo import HELD_OUT_QUESTIONS, TRAINING_QUESTIONS, held_out_cases


@pytest.mark.skipif(not HELD_OUT_QUESTIONS.is_file(), reason="the examples are not in this checkout")
def test_six_questions_are_held_out_and_none_of_them_is_trained_on() -> None:
    cases = held_out_cases(HELD_OUT_QUESTIONS)
    assert [case.answerable for case in cases] == [True] * 4 + [False] * 2
    assert {case.language for case in cases} == {"en"}
    trained = {case.question.casefold() for case in read_cases(TRAINING_QUESTIONS)}
    assert not trained & {case.question.casefold() for case in cases}
