from __future__ import annotations

import pytest

from service.abstention.answer_type import AnswerType, answer_type, holds_answer


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many adapters are served?", AnswerType.NUMBER),
        ("What percentage of answers is wrong?", AnswerType.NUMBER),
        ("When was the factory built?", AnswerType.TIME),
        ("In which year did it close?", AnswerType.TIME),
        ("Who approves it?", AnswerType.NAME),
        ("Where is it?", AnswerType.NAME),
        ("What is LoRA?", AnswerType.ANY),
        ("有多少个适配器？", AnswerType.NUMBER),
        ("工厂哪年建成？", AnswerType.TIME),
        ("什么时候关门？", AnswerType.TIME),
        ("什么是几何？", AnswerType.ANY),
        ("谁批准采购？", AnswerType.ANY),
    ],
)
def test_a_question_tells_what_it_asks_for(question: str, expected: AnswerType) -> None:
    assert answer_type(question) is expected


@pytest.mark.parametrize(
    ("kind", "sentence", "question", "expected"),
    [
        (AnswerType.NUMBER, "There are 16 of them.", "How many are there?", True),
        (AnswerType.NUMBER, "There are sixteen.", "How many are there?", True),
        (AnswerType.NUMBER, "Rank 16 has some.", "How many has rank 16?", False),
        (AnswerType.NUMBER, "共有十二个。", "共有多少个？", True),
        (AnswerType.TIME, "It was built in 1976.", "When was it built?", True),
        (AnswerType.TIME, "It was built of stone.", "When was it built?", False),
        (AnswerType.TIME, "工厂于1976年建成。", "工厂何时建成？", True),
        (AnswerType.NAME, "It was founded by Ada Lovelace.", "Who founded it?", True),
        (AnswerType.NAME, "It was founded long ago.", "Who founded it?", False),
        (AnswerType.NAME, "It stands in Oslo.", "Who stands in Oslo?", False),
        (AnswerType.ANY, "Anything.", "What is it?", True),
    ],
)
def test_a_sentence_holds_what_is_asked_for_unless_the_question_says_it_itself(
    kind: AnswerType, sentence: str, question: str, expected: bool
) -> None:
    assert holds_answer(kind, sentence, question) is expected
