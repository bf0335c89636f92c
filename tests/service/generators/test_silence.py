from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from service.generators.silence import Listener, SilentServerError

pytestmark = pytest.mark.anyio

NEVER = 3600.0


class Server:
    """Answers with a head after so many seconds, and counts the answers that nobody closed."""

    def __init__(self) -> None:
        self.open = 0

    async def head(self, seconds: float) -> httpx.Response:
        await asyncio.sleep(seconds)
        self.open += 1
        server = self

        class Body(httpx.AsyncByteStream):
            async def aclose(self) -> None:
                server.open -= 1

        return httpx.Response(200, stream=Body())


def listener(shortest: float, longest: float) -> Listener:
    return Listener("http://host/v1", shortest, longest)


async def answered(asked: Listener, server: Server, head: float, first_token: float) -> float:
    """The seconds after which the question was taken."""
    taken = await asked.until_taken(server.head(head))
    await asyncio.sleep(first_token)
    asked.wrote(taken)
    await taken.response.aclose()
    return taken.seconds


async def given_up_after(asked: Listener, server: Server) -> float:
    started = time.monotonic()
    with pytest.raises(SilentServerError, match="http://host/v1 took no question"):
        await asked.until_taken(server.head(NEVER))
    return time.monotonic() - started


async def test_a_server_that_never_wrote_has_the_longest_time() -> None:
    assert 0.3 <= await given_up_after(listener(0.05, 0.3), Server()) < 3


async def test_a_server_that_takes_questions_long_before_it_writes_is_soon_found_to_be_silent() -> None:
    asked, server = listener(0.05, 60.0), Server()
    await answered(asked, server, 0.0, 0.1)
    assert await given_up_after(asked, server) < 5
    assert server.open == 0


async def test_a_server_that_is_slow_to_take_questions_has_longer() -> None:
    asked, server = listener(0.01, 60.0), Server()
    await answered(asked, server, 0.2, 0.4)
    assert await given_up_after(asked, server) >= 0.6


async def test_a_server_that_takes_a_question_with_its_first_token_has_the_longest_time() -> None:
    asked, server = listener(0.05, 0.6), Server()
    for _ in range(3):
        await answered(asked, server, 0.05, 0.0)
    assert await given_up_after(asked, server) >= 0.6


async def test_while_others_are_answered_a_question_waits_on() -> None:
    asked, server = listener(0.1, 60.0), Server()
    await answered(asked, server, 0.0, 0.1)

    async def write_another_answer() -> None:
        while True:
            asked.heard()
            await asyncio.sleep(0.01)

    writing = asyncio.create_task(write_another_answer())
    assert await answered(asked, server, 0.5, 0.0) >= 0.5
    writing.cancel()


async def test_time_in_which_the_process_itself_stood_still_is_no_silence_of_the_server() -> None:
    asked, server = listener(0.2, 60.0), Server()
    await answered(asked, server, 0.0, 0.1)
    asking = asyncio.create_task(answered(asked, server, 0.05, 0.0))
    await asyncio.sleep(0.02)
    time.sleep(0.5)
    assert await asking >= 0.5


async def test_an_answer_that_comes_as_its_question_is_given_up_is_closed() -> None:
    server = Server()

    async def stubborn() -> httpx.Response:
        try:
            return await server.head(NEVER)
        except asyncio.CancelledError:
            return await server.head(0.0)

    asking = asyncio.create_task(listener(1.0, 60.0).until_taken(stubborn()))
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert server.open == 0


async def test_what_went_wrong_on_the_way_is_told_as_it_is() -> None:
    async def refused() -> httpx.Response:
        raise httpx.ConnectError("no route")

    with pytest.raises(httpx.ConnectError):
        await listener(1.0, 60.0).until_taken(refused())
