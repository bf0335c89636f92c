from __future__ import annotations

from collections import Counter

import pytest

from ingest.words.questions import Wording, WordRule, normalized
from ingest.words.terms import terms

COMMON = Counter(
    dict.fromkeys(
        terms("card transfer take go activate new account 卡 账户 转账 需要 激活 新卡 到账 密码"), 50
    )
)
"""Half of the hundred chunks hold each of these words, and none holds any other."""


@pytest.fixture
def rule() -> WordRule:
    return WordRule(lambda term: COMMON[term], 100)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("How do I activate my new card?", "how can i activate  my NEW card"),
        ("How do I activate my card?", "Please tell me how to activate my card."),
        ("如何激活新卡？", "请问怎样激活新卡"),
        ("能不能激活新卡？", "是否能激活新卡？"),
    ],
)
def test_the_same_question_in_other_words_agrees(rule: WordRule, left: str, right: str) -> None:
    assert rule.agree(Wording.of(left), Wording.of(right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Who activated the card?", "When was the card activated?"),
        ("How long does a transfer take?", "Where does a transfer go?"),
        ("What card was new in 1960?", "What card was new in 1970?"),
        ("Does the card activate?", "Does the card not activate?"),
        ("Who is the chair?", "Who is the vice-chair?"),
        ("Which card has the lowest limit?", "Which card has the highest limit?"),
        ("Transfer EUR to USD on a card", "Transfer USD to EUR on a card"),
        ("What is error E401 of the card?", "What is error E403 of the card?"),
        ("How do I activate a new card?", "如何激活新卡？"),
        ("转账能到账吗？", "转账不能到账吗？"),
        ("转账需要多少天？", "转账需要激活吗？"),
        ("转账前需要密码", "转账后需要密码"),
        ("账户转账 100 元", "账户转账 1000 元"),
        ("张三的新卡", "李四的新卡"),
        ("?", "!"),
    ],
)
def test_what_an_embedding_does_not_see_tells_questions_apart(rule: WordRule, left: str, right: str) -> None:
    assert not rule.agree(Wording.of(left), Wording.of(right))


def test_agreement_has_no_direction(rule: WordRule) -> None:
    short, long = Wording.of("activate card"), Wording.of("activate a new card account transfer")
    assert rule.agree(short, long) == rule.agree(long, short)


@pytest.mark.parametrize(
    "question", ["What is LoRA?", " what  is\nlora", "ＷＨＡＴ is LoRA？！", "What is LoRA ..."]
)
def test_case_width_spaces_and_closing_punctuation_do_not_count(question: str) -> None:
    assert normalized(question) == "what is lora"


def test_punctuation_inside_counts() -> None:
    assert normalized("Is 1.5 right?") != normalized("Is 15 right?")
    assert normalized("C++?") == "c++"
