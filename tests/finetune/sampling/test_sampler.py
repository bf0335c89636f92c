from __future__ import annotations

from collections.abc import Sequence

import pytest

from finetune.sampling.sampler import GeneratorSampler, Sampled, sample_all, write
from ingest.errors import GeneratorError
from service.generate import Message, Piece, Sampling
from tests.finetune.sampling.fake_generator import FakeGenerator, cut, wrote

pytestmark = pytest.mark.anyio
ASKED = (Message("user", "When?"),)


@pytest.mark.parametrize(
    ("pieces", "ended"),
    [
        (wrote(" In 1976. "), True),
        (cut(" In 1976. "), False),
        ([Piece("In 19", truncated=True), Piece("76.")], False),
        ([Piece("In 1976.", 9, 7)], True),
        ([Piece("In 1976.", 9, 8)], False),
        ([Piece("In 1976.", 9, 7, truncated=True)], False),
    ],
)
async def test_an_answer_ended_where_nothing_cut_it(pieces: list[Piece], ended: bool) -> None:
    generator = FakeGenerator(lambda _messages, _sampling: pieces)
    assert await write(generator, ASKED, Sampling(8)) == Sampled("In 1976.", ended)


async def test_answers_differ_by_their_seeds_and_are_kept_with_the_place_of_their_prompt() -> None:
    def rule(messages: Sequence[Message], sampling: Sampling) -> list[Piece]:
        return wrote(f"{messages[0].content} {sampling.seed}")

    kept: dict[int, list[str]] = {}

    def keep(place: int, answers: list[Sampled]) -> None:
        kept[place] = [answer.text for answer in answers]

    prompts = [(Message("user", name),) for name in "abc"]
    await sample_all(GeneratorSampler(FakeGenerator(rule), 1.0, 8), prompts, 2, at_once=2, keep=keep)
    assert kept == {0: ["a 0", "a 1"], 1: ["b 0", "b 1"], 2: ["c 0", "c 1"]}


async def test_a_failure_is_raised_as_itself_and_what_came_before_it_is_kept() -> None:
    generator = FakeGenerator(lambda _messages, _sampling: wrote("In 1976."), fails_after=3)
    kept: list[int] = []
    with pytest.raises(GeneratorError, match="told so"):
        await sample_all(
            GeneratorSampler(generator, 1.0, 8),
            [ASKED] * 4,
            1,
            at_once=1,
            keep=lambda place, _answers: kept.append(place),
        )
    assert kept == [0, 1, 2]
