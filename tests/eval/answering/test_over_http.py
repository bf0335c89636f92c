"""A server's answers become the same records as those of the pipeline in this process."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from eval.answering.answerer import Served
from eval.answering.in_process import CollectionAnswerer
from eval.answering.over_http import HttpAnswerer, ServerAddress, identify, open_server, read_events
from eval.cases.case import Case, Relevant
from ingest.errors import GeneratorError, ServerError
from ingest.settings import Settings
from service.app import Parts, create_app
from service.event_stream import HEARTBEAT, frame
from service.history.history import History
from service.prompt import PROMPT_ID
from tests.eval.answering.records import timeless
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import small_handbook

RANK = Case(
    "rank", "Which rank is the default for an adapter?", "en", ("8",), True, (Relevant("lora.md", "rank"),)
)
OTHER = dataclasses.replace(RANK, id="other", relevant=(Relevant("operations.md"),))
LUNCH = Case("lunch", "今天午饭吃什么", "zh", (), False)

pytestmark = pytest.mark.anyio


@pytest.fixture
def pipeline() -> MemoryPipeline:
    return MemoryPipeline(small_handbook())


@pytest.fixture
async def client(pipeline: MemoryPipeline, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    history = History(tmp_path / "history.sqlite")
    app = create_app(Settings(home=tmp_path), Parts(OnePipeline(pipeline), history))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as opened:
        yield opened
    history.close()


def scripted(*frames: bytes, status: int = 200) -> httpx.AsyncClient:
    """A client of a server that answers every request with the same bytes."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=b"".join(frames)))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.mark.parametrize("case", [RANK, OTHER, LUNCH], ids=lambda case: case.id)
async def test_the_record_is_that_of_the_pipeline(
    case: Case, client: httpx.AsyncClient, pipeline: MemoryPipeline
) -> None:
    here = CollectionAnswerer(pipeline, pipeline.snapshot.documents)  # pyright: ignore[reportArgumentType]
    there = HttpAnswerer(client, "default")
    made = await there.record(case)
    assert timeless(made) == timeless(await here.record(case))
    assert made.first_token_ms is not None
    assert 0.0 < made.first_token_ms <= made.total_ms


async def test_the_server_says_what_answers(client: httpx.AsyncClient) -> None:
    _, served = await identify(client, None)
    assert served == Served("quoting", PROMPT_ID, "base", "default", "snapshot-1")


async def test_a_collection_that_is_not_there_is_said_at_once(client: httpx.AsyncClient) -> None:
    with pytest.raises(ServerError, match="no collection is named 'none'"):
        await identify(client, "none")


async def test_a_problem_of_the_server_keeps_its_code(client: httpx.AsyncClient) -> None:
    record = await HttpAnswerer(client, "default").record(dataclasses.replace(RANK, question="?"))
    assert record.answer is None
    assert record.failure is not None
    assert record.failure.code == "question_without_terms"


async def test_a_problem_in_the_middle_of_an_answer_fails_the_case(
    client: httpx.AsyncClient, pipeline: MemoryPipeline
) -> None:
    pipeline.failure = GeneratorError("the model went away.")
    record = await HttpAnswerer(client, "default").record(RANK)
    assert record.failure is not None
    assert (record.failure.code, record.failure.message) == ("generator_failed", "the model went away.")


async def test_an_answer_without_an_end_fails_the_case() -> None:
    async with scripted(frame("message.delta", {"text": "It is"})) as client:
        with pytest.raises(GeneratorError, match="broke off"):
            await HttpAnswerer(client, "default").record(RANK)


async def test_another_kind_of_server_is_not_asked_on() -> None:
    async with scripted(b"<html>", status=502) as client:
        with pytest.raises(ServerError, match="no Troika server"):
            await HttpAnswerer(client, "default").record(RANK)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "127.0.0.1:9", "http://127.0.0.1:x"])
async def test_a_server_that_cannot_be_reached_is_named(url: str) -> None:
    with pytest.raises(ServerError, match="cannot be reached") as raised:
        async with open_server(ServerAddress(url)):
            pass
    assert url in str(raised.value)


async def test_the_key_goes_with_every_request() -> None:
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ServerError):
            async with open_server(ServerAddress(f"http://127.0.0.1:{port}", "secret", "default")):
                pass
    assert ["authorization: bearer secret" in head for head in seen] == [True]


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_events_are_found_however_their_bytes_arrive(size: int) -> None:
    events: list[tuple[str, Any]] = [("message.delta", {"text": "a\u2028b\x85\n\nc"}), ("done", {"id": "x"})]
    stream = b"".join(HEARTBEAT + frame(name, payload) for name, payload in events)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(stream), size):
            yield stream[start : start + size]

    read = [(name.decode(), json.loads(data)) async for name, data in read_events(pieces())]
    assert read == events
