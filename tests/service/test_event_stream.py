from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ingest.errors import GeneratorError
from service.event_stream import HEARTBEAT, AnswerStream, EventStreamResponse, NamedFrames, frame
from service.pipelines import Answering
from service.question import Inquiry
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import small_handbook

QUESTION = "Which rank is the default for an adapter?"

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def events_of(body: bytes) -> list[tuple[str, Any]]:
    """The events of a stream, read as the standard says; comments are left out."""
    found: list[tuple[str, Any]] = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


async def body_of(pipeline: MemoryPipeline, heartbeat_seconds: float = 15.0) -> bytes:
    stream = AnswerStream(OnePipeline(pipeline), "default", Inquiry(QUESTION))
    response = EventStreamResponse(await stream.next(), stream, NamedFrames(), heartbeat_seconds)
    return b"".join([bytes(chunk) async for chunk in response.body_iterator if isinstance(chunk, bytes)])


async def test_events_come_in_order_and_the_last_is_the_whole_answer() -> None:
    events = events_of(await body_of(MemoryPipeline(small_handbook())))
    names = [name for name, _ in events]
    assert names[0] == "retrieval"
    assert names[-1] == "done"
    assert set(names[1:-1]) == {"message.delta", "citation"}
    assert names.index("citation") > names.index("message.delta")
    done = events[-1][1]
    assert "".join(payload["text"] for name, payload in events if name == "message.delta") == done["text"]
    assert [payload for name, payload in events if name == "citation"] == done["citations"]
    assert events[0][1]["answer_id"] == done["id"]
    assert events[0][1]["passages"] == done["passages"]


async def test_a_failure_in_the_middle_ends_the_stream_with_a_problem() -> None:
    pipeline = MemoryPipeline(small_handbook(), failure=GeneratorError("the model server went away."))
    events = events_of(await body_of(pipeline))
    assert events[-1][0] == "error"
    assert events[-1][1]["code"] == "generator_failed"
    assert events[-1][1]["status"] == 503


async def test_an_unexpected_failure_is_not_described() -> None:
    events = events_of(await body_of(MemoryPipeline(small_handbook(), failure=ValueError("secret"))))
    assert events[-1][1]["code"] == "internal_error"
    assert "secret" not in json.dumps(events)


async def test_a_silent_model_is_bridged_by_heartbeats() -> None:
    pipeline = MemoryPipeline(small_handbook()[2:], pause_seconds=0.05)
    stream = AnswerStream(OnePipeline(pipeline), "default", Inquiry("引用的文字与原文"))
    response = EventStreamResponse(await stream.next(), stream, NamedFrames(), 0.01)
    chunks = [bytes(chunk) async for chunk in response.body_iterator if isinstance(chunk, bytes)]
    assert HEARTBEAT in chunks
    assert events_of(b"".join(chunks))[-1][0] == "done"


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
async def test_a_client_that_leaves_stops_the_answer_and_ends_the_lease(spec_version: str) -> None:
    pipeline = MemoryPipeline(small_handbook(), pause_seconds=0.02)
    provider = OnePipeline(pipeline)
    stream = AnswerStream(provider, "default", Inquiry(QUESTION))
    response = EventStreamResponse(await stream.next(), stream, NamedFrames())
    left = asyncio.Event()
    sent: list[bytes] = []

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if left.is_set() and spec_version == "2.4":
            raise OSError("connection lost")
        sent.append(message.get("body", b""))
        if len(sent) == 4:
            left.set()

    scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": spec_version}}
    try:
        await asyncio.wait_for(response(scope, receive, send), 2)
    except Exception as error:
        assert type(error).__name__ == "ClientDisconnect"
    await asyncio.wait_for(pipeline.stopped.wait(), 2)
    await asyncio.sleep(0)
    assert provider.leases == 0
    assert not any(b"event: done" in body for body in sent)


async def test_a_wait_that_others_cancel_ends_the_stream_with_an_error() -> None:
    class Cancelling(OnePipeline):
        @asynccontextmanager
        async def lease(
            self, collection: str, conversation: str | None = None, release: str | None = None
        ) -> AsyncGenerator[Answering]:
            shared = asyncio.get_running_loop().create_future()
            shared.cancel()
            await shared
            yield self.pipeline

    async with AnswerStream(
        Cancelling(MemoryPipeline(small_handbook())), "default", Inquiry(QUESTION)
    ) as stream:
        with pytest.raises(RuntimeError, match="cancelled"):
            await asyncio.wait_for(stream.next(), 5)


def test_a_frame_is_one_line_of_json_whatever_the_text_holds() -> None:
    written = frame("message.delta", {"text": "a\nb\r\u2028\x85 𠮷"})
    lines = written.decode().split("\n")
    assert lines[0] == "event: message.delta"
    assert json.loads(lines[1].removeprefix("data: ")) == {"text": "a\nb\r\u2028\x85 𠮷"}
    assert lines[2:] == ["", ""]
