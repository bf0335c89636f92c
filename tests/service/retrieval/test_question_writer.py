from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from ingest.errors import GeneratorError
from service.generate import Message, Piece, Sampling
from service.retrieval.question_writer import QuestionWriter
from tests.service.scripted import ScriptedGenerator

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class SilentGenerator(ScriptedGenerator):
    """Never says a word."""

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        try:
            await asyncio.sleep(60)
            yield Piece("late")
        finally:
            self.ended += 1


async def test_paraphrases_lose_their_list_marks_and_what_is_no_other_wording() -> None:
    generator = ScriptedGenerator(
        '1. "How large is r?"\n2) What is the rank?\n\n- What is the rank?\n* Which r?\n'
    )
    found = await QuestionWriter(generator).paraphrases("What is the rank?", 2, "en")
    assert found == ("How large is r?", "Which r?")


async def test_a_supposed_answer_is_one_line() -> None:
    generator = ScriptedGenerator("The rank\n", "is 16.\n")
    assert await QuestionWriter(generator).hypothetical("What is the rank?", "en") == "The rank is 16."


async def test_a_generator_that_takes_too_long_is_stopped() -> None:
    generator = SilentGenerator()
    writer = QuestionWriter(generator, seconds=0.05)
    assert await writer.standalone("And then?", ["a"], "en") is None
    assert await writer.paraphrases("And then?", 2, "en") == ()
    assert await writer.hypothetical("And then?", "en") is None
    assert generator.ended == 3


async def test_what_a_model_server_said_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    generator = ScriptedGenerator(GeneratorError("the generator answered 500 (a secret)"))
    assert await QuestionWriter(generator).standalone("And then?", ["a"], "en") is None
    assert caplog.messages == ["the question could not be rewritten: GeneratorError generator_failed"]


async def test_each_language_is_asked_in_its_own_words() -> None:
    generator = ScriptedGenerator("多大？")
    await QuestionWriter(generator).paraphrases("秩是多少？", 3, "zh")
    system, user = generator.asked[0]
    assert "3 种" in system.content
    assert user.content == "问题：秩是多少？"
