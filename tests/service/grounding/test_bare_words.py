from __future__ import annotations

import pytest

from service.grounding.bare_words import asks_for_explanation, explains, only_repeats


@pytest.mark.parametrize(
    "question",
    [
        "How is refusal recall defined?",
        "how do I roll back a snapshot",
        "Why are chunks overlapped?",
        "And why?",
        "What is the difference between recall and precision?",
        "为什么要重排序？",
        "快照如何回滚？",
        "怎樣撤回一個版本？",
    ],
)
def test_how_and_why_ask_for_an_explanation(question: str) -> None:
    assert asks_for_explanation(question)


@pytest.mark.parametrize(
    "question",
    [
        "How many bytes does a chunk take?",
        "How long is the overlap?",
        "What is the default rank?",
        "Who knows how it works?",
        "When was the manifest written?",
        "默认的秩是多少？",
    ],
)
def test_names_numbers_and_times_do_not(question: str) -> None:
    assert not asks_for_explanation(question)


def test_an_explanation_takes_words() -> None:
    assert not explains("16")
    assert not explains("a question about the weather")
    assert explains("The pointer is set to an earlier snapshot, so nothing is built again.")
    assert explains("先检索相关段落，再回答问题。")


@pytest.mark.parametrize(
    ("question", "claim"),
    [
        ("What was the new name of Plymouth Dock?", "Plymouth Dock"),
        ("What is the steam turbine connected to?", "a turbine"),
        ("岩手沼宫内车站在初设时叫做什么名字？", "沼宫内"),
    ],
)
def test_words_of_the_question_alone_repeat_it(question: str, claim: str) -> None:
    assert only_repeats(question, claim)


@pytest.mark.parametrize(
    ("question", "claim"),
    [
        ("What was the new name of Plymouth Dock?", "Devonport"),
        ("What was the new name of Plymouth Dock?", "Plymouth Dock became Devonport"),
        ("Is the problem abstract or concrete?", "concrete"),
        ("Which is larger, the Pterocarya and the Cotula?", "the Cotula"),
        ("烽火台和长城的修筑哪个比较早？", "烽火台"),
    ],
)
def test_a_new_word_does_not_and_neither_does_a_choice_from_what_is_offered(
    question: str, claim: str
) -> None:
    assert not only_repeats(question, claim)
