from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from service.lifecycle.shutdown import ClosingConnections, GracefulServer, Shutdown

pytestmark = pytest.mark.anyio

REQUEST = b"GET / HTTP/1.1\r\nhost: troika\r\n\r\n"


@pytest.fixture(autouse=True)
def surviving_process() -> Iterator[None]:
    """The server gives the signal that ended it on to the process, which is the tests' own here."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    yield
    signal.signal(signal.SIGTERM, before)


async def slow_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends three pieces, a tenth of a second apart."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for piece in (b"one ", b"two ", b"three"):
        await asyncio.sleep(0.1)
        await send({"type": "http.response.body", "body": piece, "more_body": piece != b"three"})


@asynccontextmanager
async def running(drain_seconds: float = 0.0) -> AsyncIterator[tuple[tuple[str, int], asyncio.Task[None]]]:
    shutdown = Shutdown()
    config = uvicorn.Config(
        ClosingConnections(slow_app, shutdown), lifespan="off", log_config=None, timeout_graceful_shutdown=5
    )
    server = GracefulServer(config, shutdown, drain_seconds)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield listener.getsockname(), serving
        await asyncio.wait_for(serving, 10)


async def answer_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(REQUEST)
    text = await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.close()
    return text


def is_whole(text: bytes) -> bool:
    return b"one" in text and b"three" in text


async def test_what_is_under_way_ends_and_what_was_accepted_is_answered() -> None:
    async with running() as (address, _):
        under_way = asyncio.create_task(answer_on(*await asyncio.open_connection(*address)))
        idle = await asyncio.open_connection(*address)
        await asyncio.sleep(0.15)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.3)  # uvicorn has noticed by now
        late = await answer_on(*idle)
        assert is_whole(await under_way)
        assert is_whole(late)
        assert b"connection: close" in late
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)


async def test_while_it_drains_it_accepts_and_asks_for_new_connections() -> None:
    async with running(drain_seconds=0.8) as (address, serving):
        before = await answer_on(*await asyncio.open_connection(*address))
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.4)
        drained = await answer_on(*await asyncio.open_connection(*address))
        assert not serving.done()
    assert b"connection: close" not in before
    assert b"connection: close" in drained


async def test_a_second_signal_ends_the_draining() -> None:
    async with running(drain_seconds=600) as (address, _):
        await answer_on(*await asyncio.open_connection(*address))
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        told = time.monotonic()
    assert time.monotonic() - told < 60
