from __future__ import annotations

from collections.abc import Sequence

import pytest

from service.answer import Passage
from service.generate import Piece, Sampling
from service.grounding.cite import Citer
from service.grounding.support import Grounding
from service.prompt import render
from service.question import SamplingWish
from service.write import ExtractiveWriter, PromptedWriter, Writer
from tests.service.scripted import ScriptedGenerator, passages_of

pytestmark = pytest.mark.anyio

GROUNDING = Grounding(lambda _term: 1, 1000)


async def written(writer: Writer, question: str, passages: Sequence[Passage], language: str = "en") -> str:
    return "".join([piece.text async for piece in writer.write(question, passages, language)])


async def extract(question: str, *texts: str) -> str:
    return await written(ExtractiveWriter(GROUNDING), question, passages_of(*texts))


async def test_a_generator_is_asked_with_the_one_prompt() -> None:
    generator = ScriptedGenerator("Two [1].")
    passages = passages_of("There are two.")
    writer = PromptedWriter(generator, Sampling(max_tokens=8))
    assert await written(writer, "How many?", passages) == "Two [1]."
    assert generator.asked == [render("How many?", passages, "en")]
    assert writer.name == "scripted"


@pytest.mark.parametrize(
    ("wish", "granted"),
    [
        (SamplingWish(), Sampling(8, 0.25, 3)),
        (SamplingWish(max_tokens=5), Sampling(5, 0.25, 3)),
        (SamplingWish(max_tokens=9000), Sampling(8, 0.25, 3)),
        (SamplingWish(temperature=0.0, seed=0), Sampling(8, 0.0, 0)),
        (
            SamplingWish(top_p=0.5, stop=("END",), json_schema="{}"),
            Sampling(8, 0.25, 3, top_p=0.5, stop=("END",), json_schema="{}"),
        ),
    ],
)
async def test_a_wish_goes_before_the_settings_but_for_more_tokens(
    wish: SamplingWish, granted: Sampling
) -> None:
    generator = ScriptedGenerator("Two [1].")
    writer = PromptedWriter(generator, Sampling(max_tokens=8, temperature=0.25, seed=3))
    async for _ in writer.write("How many?", passages_of("There are two."), "en", wish):
        pass
    assert generator.sampled == [granted]


@pytest.mark.parametrize(
    ("language", "wish", "less_likely"),
    [
        ("en", None, (("I don't know: the sources do not say.", 1.5),)),
        ("zh", SamplingWish(temperature=0.0), (("我不知道：资料中没有说明。", 1.5),)),
        ("en", SamplingWish(json_schema="{}"), ()),
    ],
)
async def test_a_bias_against_refusing_weighs_on_the_whole_refusal(
    language: str, wish: SamplingWish | None, less_likely: tuple[tuple[str, float], ...]
) -> None:
    generator = ScriptedGenerator("Two [1].")
    writer = PromptedWriter(generator, Sampling(max_tokens=8), refusal_bias=1.5)
    async for _ in writer.write("How many?", passages_of("There are two."), language, wish):
        pass
    assert [sampling.less_likely for sampling in generator.sampled] == [less_likely]


async def test_the_sentence_that_shares_most_with_the_question_is_quoted_with_its_marker() -> None:
    text = await extract("What is the default rank?", "LoRA is small.", "Be brief. The default rank is 16.")
    assert text == "The default rank is 16. [2]"


async def test_a_second_sentence_that_is_as_good_stands_on_its_own_line() -> None:
    text = await extract("What is the rank?", "the rank is a number", "The rank is 16.")
    assert text.splitlines() == ["the rank is a number [1]"]
    text = await extract("What is the rank?", "the rank is a number\nThe rank is 16.")
    assert text.splitlines() == ["the rank is a number [1]", "The rank is 16. [1]"]


async def test_every_extracted_sentence_is_supported_by_its_source() -> None:
    question, texts = (
        "What is the rank?",
        ("the rank is\ta number\nThe  rank is 16 as shown in [2], surely.",),
    )
    text = await extract(question, *texts)
    cited = Citer(question, passages_of(*texts), GROUNDING).cite(text)
    assert cited.groundedness == 1.0
    assert {citation.marker for citation in cited.citations} == {1}


async def test_what_looks_like_a_marker_in_the_source_is_none_in_the_answer() -> None:
    assert await extract("Who found it?", "Hu found it [2].") == "Hu found it (2). [1]"


async def test_a_sentence_that_two_passages_hold_is_quoted_once_from_the_better_one() -> None:
    assert await extract("What is the rank?", "The rank is 16.", "The rank is 16.") == "The rank is 16. [1]"


async def test_without_passages_nothing_is_written() -> None:
    assert [piece async for piece in ExtractiveWriter(GROUNDING).write("What?", (), "en")] == list[Piece]()


async def test_chinese_sentences_are_quoted_as_they_stand() -> None:
    text = await extract("引用指向哪里？", "每一条引用都指向原文中的确切位置。读者可以自己核对。")
    assert text == "每一条引用都指向原文中的确切位置。 [1]"
