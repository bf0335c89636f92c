"""A server like vLLM, in the event loop of the test: it behaves as it is told, is killed and comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Behaviour(StrEnum):
    """What it does with a question."""

    WELL = "well"
    SILENT = "silent"
    HEAD_ONLY = "head_only"
    STALLING = "stalling"
    CUTTING = "cutting"
    ENDING_EARLY = "ending_early"
    COMMENTING = "commenting"
    ENDLESS = "endless"
    GARBAGE = "garbage"
    NO_HTTP = "no_http"
    ERROR_EVENT = "error_event"
    FAILING = "failing"
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"
    REFUSING = "refusing"


STATUS = {
    Behaviour.FAILING: 500,
    Behaviour.OVERLOADED: 429,
    Behaviour.UNAVAILABLE: 503,
    Behaviour.REFUSING: 400,
}


@dataclass
class FakeModelServer:
    """``asked`` are the bodies of the questions, ``adapters`` those that are loaded, with their folders.

    It writes ``words``, or what ``writes`` makes of a question; ``logprob`` is that of every token, ``pause``
    passes before each; ``refusal`` is what it says with the status of a failure.
    """

    words: tuple[str, ...] = ("A rank of", " 16 is", " the default", " [1].")
    writes: Callable[[dict[str, Any]], Sequence[str]] | None = None
    behaviour: Behaviour = Behaviour.WELL
    refusal: str = "no"
    root: str = "/nowhere"
    base: str = "base-model"
    has_adapters: bool = True
    logprob: float = -0.5
    pause: float = 0.0
    port: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    adapters: dict[str, str] = field(default_factory=dict[str, str])
    changes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    most_at_once: int = 0
    _at_once: int = 0
    _server: asyncio.Server | None = None
    _connections: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def questions(self) -> int:
        """How often it was asked for more than the one token that shows whether it is there."""
        return sum(body["max_tokens"] > 1 for body in self.asked)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """As a process dies: no connection is left, and nothing that was loaded."""
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._connections):
            writer.transport.abort()
        self.adapters.clear()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lengths = [line for line in head.splitlines() if line.lower().startswith("content-length:")]
            body = await reader.readexactly(int(lengths[0].split(":")[1]) if lengths else 0)
            await self._reply(head.split()[1].removeprefix("/v1"), json.loads(body or b"{}"), writer)
            await writer.drain()
        self._connections.discard(writer)
        writer.close()

    async def _reply(self, path: str, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        if path == "/chat/completions" and (body.get("stream") or self.behaviour in STATUS):
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            try:
                await self._answer(body, writer)
            finally:
                self._at_once -= 1
            return
        status, reply = self._plain(path, body)
        writer.write(_head(status, "application/json") + json.dumps(reply).encode())

    def _plain(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/models":
            loaded = [{"id": n, "root": r, "parent": self.base} for n, r in self.adapters.items()]
            return 200, {"data": [{"id": self.base, "root": self.root, "parent": None}, *loaded]}
        if path == "/chat/completions":
            return self._whole(body["model"])
        if not self.has_adapters:
            return 404, {"detail": "Not Found"}
        name = body["lora_name"]
        self.changes.append((path.removeprefix("/").removesuffix("_lora_adapter"), name))
        if path == "/unload_lora_adapter":
            self.adapters.pop(name)
        else:
            self.adapters[name] = body["lora_path"]
        return 200, {}

    def _whole(self, model: str) -> tuple[int, dict[str, Any]]:
        if model not in (self.base, *self.adapters):
            return 404, {"error": {"message": f"The model `{model}` does not exist."}}
        told = [{"token": word, "logprob": self.logprob} for word in self.words]
        return 200, {
            "choices": [{"message": {"content": "".join(self.words)}, "logprobs": {"content": told}}]
        }

    async def _answer(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        self.asked.append(body)
        is_known = body["model"] in (self.base, *self.adapters)
        match self.behaviour:
            case Behaviour.SILENT:
                await asyncio.sleep(3600)
            case Behaviour.NO_HTTP:
                writer.write(b"\x00\xff" * 100)
            case _ if self.behaviour in STATUS or not is_known:
                writer.write(_head(STATUS.get(self.behaviour, 404), "text/plain") + self.refusal.encode())
            case _:
                writer.write(_head(200, "text/event-stream"))
                await writer.drain()
                words = self.writes(body) if self.writes else self.words
                async for line in self._lines(words[: body["max_tokens"]], writer):
                    writer.write(f"{line}\n\n".encode())
                    await writer.drain()

    async def _lines(self, words: Sequence[str], writer: asyncio.StreamWriter) -> AsyncIterator[str]:
        behaviour = self.behaviour
        if behaviour is Behaviour.HEAD_ONLY:
            await asyncio.sleep(3600)
        while behaviour is Behaviour.COMMENTING:
            yield ": still here"
            await asyncio.sleep(0.005)
        if behaviour is Behaviour.GARBAGE:
            yield 'data: {"choices": [{"delta": 5}]}'
        for word in words:
            await asyncio.sleep(self.pause)
            yield _chunk(word)
            if behaviour in (Behaviour.CUTTING, Behaviour.ENDING_EARLY):
                if behaviour is Behaviour.CUTTING:
                    writer.transport.abort()
                return
            if behaviour is Behaviour.STALLING:
                await asyncio.sleep(3600)
            if behaviour is Behaviour.ERROR_EVENT:
                yield 'data: {"error": {"message": "out of memory"}}'
        while behaviour is Behaviour.ENDLESS:
            yield _chunk(" and on")
            await asyncio.sleep(0)
        yield _chunk(None, "stop")
        yield "data: [DONE]"


def _head(status: int, kind: str) -> bytes:
    return f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n".encode()


def _chunk(text: str | None, finish: str | None = None) -> str:
    return "data: " + json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": finish}]})


@asynccontextmanager
async def fake_model_servers(count: int) -> AsyncIterator[list[FakeModelServer]]:
    """Servers that listen, and are killed in the end."""
    servers = [FakeModelServer() for _ in range(count)]
    for server in servers:
        await server.start()
    try:
        yield servers
    finally:
        for server in servers:
            await server.kill()
        await asyncio.sleep(0.01)  # for the connections to see it
