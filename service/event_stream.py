"""An answer as Server-Sent Events (WHATWG HTML, section 9.2).

The answer is produced by a task of its own, which holds the pipeline's lease. The response only reads
its events from a queue, so it can send heartbeats while the model is silent, and stopping the answer
is the cancelling of one task, whatever state the response is in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Protocol, Self

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service.answer import Answer, AnswerEvent, Cited, Delta, Finished, Retrieved
from service.http_errors import problem_of
from service.pipelines import PipelineProvider
from service.question import Inquiry
from service.schemas import AnswerBody, CitationBody, PassageBody

HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b": heartbeat\n\n"
QUEUED_EVENTS = 64


class AnswerStream:
    """The events of one answer, made by a background task that ``aclose`` stops."""

    def __init__(
        self,
        pipelines: PipelineProvider,
        collection: str,
        inquiry: Inquiry,
        release: str | None = None,
    ) -> None:
        # Bounded: a client that reads slowly slows the model down instead of filling the memory.
        self._queue: asyncio.Queue[AnswerEvent | Exception | None] = asyncio.Queue(QUEUED_EVENTS)
        self._task = asyncio.create_task(self._produce(pipelines, collection, inquiry, release))

    async def next(self) -> AnswerEvent | None:
        """The next event; None after the last.

        Raises:
            Exception: whatever the pipeline raised.
        """
        item = await self._queue.get()
        if isinstance(item, Exception):
            raise item
        return item

    async def whole(self) -> Answer:
        """The answer at the end of the events.

        Raises:
            Exception: whatever the pipeline raised.
        """
        while (event := await self.next()) is not None:
            if isinstance(event, Finished):
                return event.answer
        raise RuntimeError("the pipeline's stream ended without a Finished event")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_details: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the answer, if it is still being made. The task cleans up behind itself."""
        self._task.cancel()

    async def _produce(
        self, pipelines: PipelineProvider, collection: str, inquiry: Inquiry, release: str | None
    ) -> None:
        try:
            # Its first turn is all that is known of a conversation, and every request of it holds it.
            conversation = inquiry.history[0] if inquiry.history else inquiry.question
            async with (
                pipelines.lease(collection, conversation, release) as pipeline,
                aclosing(pipeline.stream(inquiry)) as events,  # closing it is what stops the model
            ):
                async for event in events:
                    await self._queue.put(event)
            await self._queue.put(None)
        except asyncio.CancelledError:
            if self._task.cancelling():
                raise
            # Nobody stopped the answer: what it waited for was cancelled, and the reader must not wait on.
            await self._queue.put(RuntimeError("the answer waited for something that was cancelled"))
        except Exception as error:
            await self._queue.put(error)


class AnswerFrames(Protocol):
    """How the events of one answer are written down."""

    def of(self, event: AnswerEvent) -> bytes:
        """The frames of ``event``; empty for one that is not told."""
        ...

    def of_error(self, error: Exception) -> bytes:
        """The frame that ends a stream which cannot go on."""
        ...


class NamedFrames:
    """A named event for each: ``retrieval``, ``message.delta``, ``citation``, and ``done`` or ``error``."""

    def of(self, event: AnswerEvent) -> bytes:
        """The frame of ``event``."""
        match event:
            case Retrieved(answer_id, passages):
                shown = [PassageBody.of(passage).model_dump(mode="json") for passage in passages]
                return frame("retrieval", {"answer_id": answer_id, "passages": shown})
            case Delta(text):
                return frame("message.delta", {"text": text})
            case Cited(citation):
                return frame("citation", CitationBody.of(citation).model_dump(mode="json"))
            case Finished(answer):
                return frame("done", AnswerBody.of(answer).model_dump(mode="json"))

    def of_error(self, error: Exception) -> bytes:
        """The problem's details."""
        return frame("error", problem_of(error).model_dump())


class EventStreamResponse(StreamingResponse):
    """Sends the events of ``stream``, of which ``first`` was read already, and stops it at the end."""

    media_type = "text/event-stream"

    def __init__(
        self,
        first: AnswerEvent | None,
        stream: AnswerStream,
        frames: AnswerFrames,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._stream = stream
        # no-transform and X-Accel-Buffering keep proxies from holding events back.
        headers = {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}
        super().__init__(_body(first, stream, frames, heartbeat_seconds), headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.stop()


async def _body(
    event: AnswerEvent | None, stream: AnswerStream, frames: AnswerFrames, heartbeat_seconds: float
) -> AsyncIterator[bytes]:
    upcoming: asyncio.Task[AnswerEvent | None] | None = None
    try:
        while event is not None:
            if written := frames.of(event):
                yield written
            upcoming = asyncio.create_task(stream.next())
            while not (await asyncio.wait((upcoming,), timeout=heartbeat_seconds))[0]:
                yield HEARTBEAT
            event = upcoming.result()
    except Exception as error:
        yield frames.of_error(error)
    finally:
        if upcoming is not None:
            upcoming.cancel()


def frame(name: str, payload: dict[str, Any]) -> bytes:
    """One event. The payload is JSON on a single line, so it needs a single ``data`` field."""
    return f"event: {name}\ndata: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()
