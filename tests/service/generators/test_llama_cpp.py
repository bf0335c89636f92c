from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from ingest.errors import GeneratorError, GeneratorRefusedError, ModelNotFoundError
from service.generate import Message, Piece, Sampling
from service.generators import smollm2
from service.generators.llama_cpp import LlamaCppGenerator
from service.generators.requantize import requantized
from service.releases.release import model_fingerprint

pytestmark = pytest.mark.anyio

CONTEXT_TOKENS = 512
QUESTION = (Message("user", "Say hello."),)
STORY = (Message("user", "Tell a long story about a horse."),)


@pytest.fixture(scope="session")
def model_path(shared_models: Path) -> Path:
    source = smollm2.gguf_path()
    return requantized(source, shared_models, model_fingerprint(source))


def load(model_path: Path, adapter_path: Path | None = None) -> LlamaCppGenerator:
    return LlamaCppGenerator(
        "smollm2", model_path, adapter_path, frozenset({"en"}), threads=1, context_tokens=CONTEXT_TOKENS
    )


@pytest.fixture(scope="module")
def shared(model_path: Path) -> LlamaCppGenerator:
    """One loaded model, used from the event loop of each test in turn."""
    return load(model_path)


@pytest.fixture
async def generator(model_path: Path) -> AsyncIterator[LlamaCppGenerator]:
    """A model that the test may close."""
    loaded = load(model_path)
    yield loaded
    await loaded.aclose()


async def test_an_answer_comes_in_pieces_and_counts_its_tokens(shared: LlamaCppGenerator) -> None:
    pieces = [piece async for piece in shared.stream(QUESTION, Sampling(max_tokens=6))]
    assert len([piece for piece in pieces if piece.text]) > 1
    last = pieces[-1]
    assert last.completion_tokens == 6
    assert last.prompt_tokens is not None
    assert 10 < last.prompt_tokens < 100


async def test_the_likeliest_answer_is_the_same_each_time(shared: LlamaCppGenerator) -> None:
    texts = [
        "".join([piece.text async for piece in shared.stream(QUESTION, Sampling(max_tokens=4))]) for _ in "ab"
    ]
    assert texts[0] == texts[1] != ""


async def said(generator: LlamaCppGenerator, sampling: Sampling) -> list[Piece]:
    return [piece async for piece in generator.stream(QUESTION, sampling)]


async def test_an_answer_that_was_cut_off_says_so(shared: LlamaCppGenerator) -> None:
    cut = await said(shared, Sampling(max_tokens=2))
    assert [piece.truncated for piece in cut if piece.truncated] == [True]
    whole = await said(shared, Sampling(max_tokens=100, stop=("e",)))
    assert not any(piece.truncated for piece in whole)
    assert "e" not in "".join(piece.text for piece in whole)


async def test_a_text_that_is_to_be_less_likely_is_not_begun_with(shared: LlamaCppGenerator) -> None:
    usual = await said(shared, Sampling(max_tokens=4))
    text = "".join(piece.text for piece in usual)
    other = await said(shared, Sampling(max_tokens=4, less_likely=((text, 20.0),)))
    assert other[0].text not in ("", usual[0].text)


async def test_all_but_the_first_token_of_what_is_less_likely_stay_as_likely(
    shared: LlamaCppGenerator,
) -> None:
    usual = "".join(piece.text for piece in await said(shared, Sampling(max_tokens=4)))
    other = await said(shared, Sampling(max_tokens=4, less_likely=(("\n" + usual, 20.0),)))
    assert "".join(piece.text for piece in other) == usual


async def test_a_schema_binds_the_answer(shared: LlamaCppGenerator) -> None:
    properties = {"greeting": {"type": "string", "maxLength": 8}, "polite": {"type": "boolean"}}
    schema = {"type": "object", "properties": properties, "required": ["greeting", "polite"]}
    pieces = await said(shared, Sampling(max_tokens=100, json_schema=json.dumps(schema)))
    answer = json.loads("".join(piece.text for piece in pieces))
    assert set(answer) == {"greeting", "polite"}
    assert isinstance(answer["polite"], bool)


async def test_a_schema_that_is_none_is_refused(shared: LlamaCppGenerator) -> None:
    with pytest.raises(GeneratorRefusedError):
        await said(shared, Sampling(max_tokens=4, json_schema='{"type": "pirate"}'))


@pytest.mark.parametrize("seed", [-(2**63), -1, 2**63 - 1])
async def test_any_seed_gives_the_same_answer_again(shared: LlamaCppGenerator, seed: int) -> None:
    sampling = Sampling(max_tokens=4, temperature=1.5, seed=seed, top_p=0.9)
    assert await said(shared, sampling) == await said(shared, sampling)


async def test_who_leaves_early_stops_the_model_and_still_knows_the_count(shared: LlamaCppGenerator) -> None:
    taken: list[Piece] = []
    async with aclosing(shared.stream(STORY, Sampling(max_tokens=400))) as pieces:
        async for piece in pieces:
            taken.append(piece)
            if len(taken) == 3:
                break
    assert taken[-1].completion_tokens in (3, 4)
    # Both slots must be free again long before 400 tokens could have been written.
    async with asyncio.timeout(30):
        await asyncio.gather(*(first_piece(shared) for _ in range(2)))


async def first_piece(generator: LlamaCppGenerator) -> Piece:
    async with aclosing(generator.stream(STORY, Sampling(max_tokens=400))) as pieces:
        return await anext(pieces)


async def test_a_cancelled_reader_stops_the_model(shared: LlamaCppGenerator) -> None:
    task = asyncio.create_task(first_piece(shared))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await first_piece(shared)).completion_tokens is not None


async def test_two_answers_are_written_side_by_side(shared: LlamaCppGenerator) -> None:
    async with (
        aclosing(shared.stream(STORY, Sampling(max_tokens=400))) as one,
        aclosing(shared.stream(QUESTION, Sampling(max_tokens=400))) as other,
    ):
        assert (await anext(one)).text
        assert (await anext(other)).text
        assert (await anext(one)).text


async def test_further_questions_wait_for_a_slot_and_all_are_answered(shared: LlamaCppGenerator) -> None:
    async def answer(number: int) -> int | None:
        messages = (Message("user", f"Count to {number}."),)
        return [piece async for piece in shared.stream(messages, Sampling(max_tokens=2))][
            -1
        ].completion_tokens

    assert await asyncio.gather(*(answer(number) for number in range(8))) == [2] * 8


async def test_waiting_questions_leave_the_threads_of_others_alone(shared: LlamaCppGenerator) -> None:
    waiting = [asyncio.create_task(first_piece(shared)) for _ in range(40)]
    await asyncio.sleep(0)
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), timeout=5) == "free"
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_prompt_that_does_not_fit_is_an_error(shared: LlamaCppGenerator) -> None:
    messages = (Message("user", "word " * (2 * CONTEXT_TOKENS)),)
    with pytest.raises(GeneratorError, match="context size"):
        await anext(shared.stream(messages, Sampling(max_tokens=2)))


async def test_its_port_does_not_show_what_others_asked(shared: LlamaCppGenerator) -> None:
    def status_of(path: str, body: bytes | None = None) -> int:
        try:
            with urllib.request.urlopen(f"{shared.address}{path}", body) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code

    assert await asyncio.to_thread(status_of, "/slots") >= 400
    body = json.dumps({"content": "hello"}).encode()
    assert await asyncio.to_thread(status_of, "/tokenize", body) == 200


async def test_closing_ends_what_is_being_written_with_an_error(generator: LlamaCppGenerator) -> None:
    reading = [asyncio.create_task(read_all(generator)) for _ in range(3)]
    await first_piece(generator)
    await generator.aclose()
    outcomes = await asyncio.gather(*reading, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [GeneratorError] * 3
    with pytest.raises(GeneratorError, match="closed"):
        await anext(generator.stream(QUESTION, Sampling(max_tokens=2)))
    await generator.aclose()


async def read_all(generator: LlamaCppGenerator) -> None:
    async for _ in generator.stream(STORY, Sampling(max_tokens=400)):
        pass


async def test_a_path_without_a_file_is_named(tmp_path: Path, model_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"nothing\.gguf"):
        load(tmp_path / "nothing.gguf")
    with pytest.raises(ModelNotFoundError, match=r"adapter\.gguf"):
        load(model_path, tmp_path / "adapter.gguf")


async def test_a_file_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(GeneratorError, match=r"broken\.gguf"):
        load(path)
