from __future__ import annotations

import pytest

from service.grounding.explanation import asks_for_explanation, explains


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
