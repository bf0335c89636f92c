from __future__ import annotations

import pytest

from ingest.errors import GeneratorError
from service.prompt import render_standalone
from service.retrieval.conversation import MAX_TURNS, Conversation, FollowUp
from service.retrieval.question_writer import QuestionWriter
from tests.service.scripted import ScriptedGenerator

pytestmark = pytest.mark.anyio

FREQUENCIES = {
    "cocum": 3, "alpin": 2, "lodg": 2, "hotel": 90, "park": 20, "book": 8, "王府": 2, "府饭": 2, "饭店": 90,
}  # fmt: skip
HISTORY = ("Is there a hotel called Alpine Lodge?", "Alpine Lodge is a hotel. The reference is 4711.")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def conversation(writer: QuestionWriter | None = None) -> Conversation:
    return Conversation(lambda term, _: FREQUENCIES.get(term, 0), 100, writer)


async def test_without_a_history_there_is_nothing_to_add() -> None:
    assert await conversation().standalone("Is there parking?", (), "en") is None
    assert await conversation().standalone("Is there parking?", (" ", ""), "en") is None


async def test_the_telling_words_of_the_conversation_are_carried_over() -> None:
    found = await conversation().standalone("Is there parking?", HISTORY, "en")
    assert found == FollowUp("Is there parking? (Alpine Lodge)", is_question=False)


async def test_words_of_the_question_are_not_repeated() -> None:
    assert await conversation().standalone("Has Alpine Lodge parking?", HISTORY, "en") is None


def test_names_go_before_other_words_and_late_turns_before_early_ones() -> None:
    turns = [f"book{n} " for n in range(3)] + ["Cocum"] + ["book"] * 2
    assert conversation().carried_words("q", turns).split() == ["book", "Cocum"]
    towns = ["oslo", "lima", "roma", "kobe", "pisa", "bari", "riga", "nuuk", "apia", "cork"]
    kept = Conversation(lambda _term, _groups: 5, 100, None).carried_words("q", towns).split()
    assert sorted(kept) == sorted(towns[2:])


async def test_a_word_is_carried_over_for_who_may_see_it_alone() -> None:
    asked = Conversation(lambda _, groups: int(groups == {"hr"}), 100, None)
    question, history = "What does it cost?", ["What is Nightingale?"]
    found = await asked.standalone(question, history, "en", frozenset({"hr"}))
    assert found == FollowUp("What does it cost? (Nightingale)", is_question=False)
    assert await asked.standalone(question, history, "en", frozenset()) is None


def test_chinese_pairs_grow_together_again() -> None:
    assert conversation().carried_words("可以停车吗？", ["王府饭店怎么样？"]) == "王府饭"


async def test_a_generator_writes_the_follow_up_anew() -> None:
    generator = ScriptedGenerator("Does Alpine ", "Lodge have parking?\n")
    found = await conversation(QuestionWriter(generator)).standalone("Is there parking?", HISTORY, "en")
    assert found == FollowUp("Does Alpine Lodge have parking?", is_question=True)
    assert generator.asked == [render_standalone("Is there parking?", HISTORY, "en")]
    assert generator.ended == 1


async def test_a_question_that_stands_alone_already_stays_as_it_is() -> None:
    writer = QuestionWriter(ScriptedGenerator("Is there parking?"))
    assert await conversation(writer).standalone("Is there parking?", HISTORY, "en") is None


@pytest.mark.parametrize("script", [GeneratorError("gone"), "", "?!", "word " * 200])
async def test_words_are_carried_over_when_the_generator_gives_no_question(script: str | Exception) -> None:
    writer = QuestionWriter(ScriptedGenerator(script))
    found = await conversation(writer).standalone("Is there parking?", HISTORY, "en")
    assert found == FollowUp("Is there parking? (Alpine Lodge)", is_question=False)


async def test_only_the_last_turns_are_looked_at() -> None:
    history = ("Cocum", *["yes"] * MAX_TURNS)
    assert await conversation().standalone("Is there parking?", history, "en") is None
