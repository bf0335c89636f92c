from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import GeneratorError, GeneratorRefusedError
from service.generate import Message, Sampling
from service.generators.openai_http import OpenAiGenerator
from service.routing.served_model import ServedModel
from service.routing.server import ModelServer, Patience
from tests.service.routing.fake_model_server import Behaviour, FakeModelServer, fake_model_servers

pytestmark = pytest.mark.anyio

WHOLE = "A rank of 16 is the default [1]."
QUICK = Patience(first_token=1.0, next_token=1.0, first_pause=0.02, longest_pause=0.1, probe=0.4)
PATIENT = Patience(first_token=10.0, next_token=10.0)
SAMPLING = Sampling(max_tokens=16)
BEFORE_THE_FIRST_WORD = (
    Behaviour.SILENT,
    Behaviour.HEAD_ONLY,
    Behaviour.COMMENTING,
    Behaviour.GARBAGE,
    Behaviour.NO_HTTP,
    Behaviour.FAILING,
    Behaviour.OVERLOADED,
)
AFTER_IT = (
    Behaviour.STALLING,
    Behaviour.CUTTING,
    Behaviour.ENDING_EARLY,
    Behaviour.ENDLESS,
    Behaviour.ERROR_EVENT,
)


def prompt(text: str = "Which rank?") -> tuple[Message, ...]:
    return (Message("system", "Be brief."), Message("user", text))


@asynccontextmanager
async def model_of(*servers: FakeModelServer, patience: Patience = QUICK) -> AsyncIterator[ServedModel]:
    asked = [
        ModelServer(s.url, OpenAiGenerator(s.base, s.url, None, frozenset({"en"}), 5.0), None, patience)
        for s in servers
    ]
    model = ServedModel("base-model", frozenset({"en"}), asked)
    try:
        yield model
    finally:
        await model.aclose()


async def answer(model: ServedModel, text: str = "Which rank?") -> str:
    async with aclosing(model.stream(prompt(text), SAMPLING)) as pieces:
        return "".join([piece.text async for piece in pieces])


async def answer_in_time(model: ServedModel, seconds: float) -> str:
    started = time.perf_counter()
    try:
        return await answer(model)
    finally:
        assert time.perf_counter() - started < seconds


async def until_answered(model: ServedModel, seconds: float) -> str:
    deadline = time.perf_counter() + seconds
    while True:
        try:
            return await answer(model)
        except GeneratorError:
            assert time.perf_counter() < deadline
            await asyncio.sleep(0.01)


async def test_an_answer_comes_as_the_server_writes_it() -> None:
    async with fake_model_servers(1) as (server,), model_of(server) as model:
        assert await answer(model) == WHOLE
        assert model.name == "base-model"
        assert [body["model"] for body in server.asked] == ["base-model"]


@pytest.mark.parametrize("behaviour", [*BEFORE_THE_FIRST_WORD, *AFTER_IT])
async def test_whatever_a_server_does_the_answer_ends_soon_and_the_next_question_does_not_wait(
    behaviour: Behaviour,
) -> None:
    async with fake_model_servers(1) as (server,), model_of(server) as model:
        server.behaviour = behaviour
        with pytest.raises(GeneratorError):
            await answer_in_time(model, 5.0)
        with pytest.raises(GeneratorError, match="no server"):
            await answer_in_time(model, 5.0)
        assert server.questions == 1
        server.behaviour = Behaviour.WELL
        assert await until_answered(model, 15.0) == WHOLE


async def test_a_server_that_was_killed_is_found_again_within_seconds_of_its_return() -> None:
    async with fake_model_servers(1) as (server,), model_of(server) as model:
        assert await answer(model) == WHOLE
        await server.kill()
        for _ in range(5):
            with pytest.raises(GeneratorError):
                await answer_in_time(model, 5.0)
        await asyncio.sleep(0.3)
        await server.start()
        assert await until_answered(model, 15.0) == WHOLE


async def test_the_pauses_between_two_tries_are_bounded() -> None:
    patience = Patience(1.0, 1.0)
    assert patience.longest_pause + patience.probe < 10


async def test_a_request_that_is_refused_leaves_the_server_in() -> None:
    async with fake_model_servers(2) as servers, model_of(*servers) as model:
        for server in servers:
            server.behaviour = Behaviour.REFUSING
        with pytest.raises(GeneratorRefusedError):
            await answer(model)
        # One server alone, which is asked once more without what only vLLM knows.
        assert sorted(server.questions for server in servers) == [0, 2]
        for server in servers:
            server.behaviour = Behaviour.WELL
        assert await answer(model) == WHOLE


@pytest.mark.parametrize("behaviour", BEFORE_THE_FIRST_WORD)
async def test_another_server_answers_what_one_could_not_begin(behaviour: Behaviour) -> None:
    async with fake_model_servers(3) as servers, model_of(*servers) as model:
        await answer(model)
        (chosen,) = (server for server in servers if server.asked)
        chosen.behaviour = behaviour
        assert await answer(model) == WHOLE
        assert chosen.questions == 2
        assert await answer(model) == WHOLE
        assert sum(server.questions for server in servers if server is not chosen) == 2


async def test_an_answer_that_was_begun_is_not_begun_again() -> None:
    async with fake_model_servers(2) as servers, model_of(*servers) as model:
        for server in servers:
            server.behaviour = Behaviour.CUTTING
        with pytest.raises(GeneratorError):
            await answer(model)
        assert sum(server.questions for server in servers) == 1


async def test_a_question_is_put_to_two_servers_at_most() -> None:
    async with fake_model_servers(4) as servers, model_of(*servers) as model:
        for server in servers:
            server.behaviour = Behaviour.FAILING
        with pytest.raises(GeneratorError):
            await answer(model)
        assert sum(server.questions for server in servers) == 2


async def test_prompts_that_begin_alike_go_to_one_server_and_a_rush_is_spread() -> None:
    async with fake_model_servers(3) as servers, model_of(*servers, patience=PATIENT) as model:
        beginning = "the same passage " * 20
        for number in range(6):
            await answer(model, f"{beginning} {number}")
        assert Counter(len(server.asked) for server in servers) == {6: 1, 0: 2}
        for server in servers:
            server.pause = 0.02
            server.asked.clear()
        assert set(await asyncio.gather(*(answer(model, beginning) for _ in range(30)))) == {WHOLE}
        assert max(server.most_at_once for server in servers) <= 13  # ceil(1.25 * 30 / 3)


async def test_who_leaves_frees_the_server() -> None:
    async with fake_model_servers(1) as (server,), model_of(server) as model:
        server.pause = 0.01
        async with aclosing(model.stream(prompt(), SAMPLING)) as pieces:
            await anext(pieces)
        assert await answer(model) == WHOLE


@given(st.lists(st.tuples(st.sampled_from(Behaviour), st.booleans()), min_size=1, max_size=4))
@settings(max_examples=8)
def test_every_answer_is_whole_or_known_to_be_broken(steps: Sequence[tuple[Behaviour, bool]]) -> None:
    async def run() -> None:
        async with fake_model_servers(1) as (server,), model_of(server) as model:
            for behaviour, is_killed in steps:
                server.behaviour = behaviour
                if is_killed:
                    await server.kill()
                    await server.start()
                try:
                    found = await asyncio.wait_for(answer(model), 10.0)
                except GeneratorError:
                    continue
                assert found == WHOLE
            server.behaviour = Behaviour.WELL
            assert await until_answered(model, 15.0) == WHOLE

    asyncio.run(run())


async def test_the_log_tells_a_failed_servers_status_and_not_what_it_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", logger="service.routing.server")
    async with fake_model_servers(1) as (server,), model_of(server) as model:
        server.behaviour, server.refusal = Behaviour.FAILING, "a secret"
        with pytest.raises(GeneratorError, match="a secret"):
            await answer(model)
        await asyncio.sleep(0.1)
    told = "GeneratorError generator_failed < HTTPStatusError 500"
    assert caplog.messages[0] == f"the generator at {server.url} is left out: {told}"
    assert f"the generator at {server.url} does not answer yet: {told}" in caplog.messages
    assert "secret" not in caplog.text
