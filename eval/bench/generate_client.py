"""The same question put to a model server with the prompt that Troika made of it, and to Troika itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import httpx
import msgspec

from ingest.errors import TroikaError
from service.generate import Message

_SECONDS = 600.0
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=3.0)


@dataclass(frozen=True, slots=True)
class Streamed:
    """One streamed answer: milliseconds to its first word, its tokens, those of its prompt, and its id if
    Troika gave it."""

    first_ms: float
    tokens: int
    prompt_tokens: int
    answer_id: str = ""


@dataclass(frozen=True, slots=True)
class BareModel:
    """A model server, asked without Troika."""

    client: httpx.AsyncClient
    model: str
    prompts: dict[str, Sequence[Message]]
    max_tokens: int

    async def ask(self, question: str) -> Streamed:
        """Stream the answer to the prompt of ``question``."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [asdict(message) for message in self.prompts[question]],
            "max_tokens": self.max_tokens,
            "temperature": 0.0,
            "seed": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        started, first, usage = time.perf_counter(), 0.0, dict[str, int]()
        async for line in _lines(self.client, "/chat/completions", body):
            if not line.startswith(b"data: {"):
                continue
            chunk = msgspec.json.decode(line[6:])
            usage = chunk.get("usage") or usage
            if not first and chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                first = time.perf_counter()
        return _streamed(started, first, usage)


@dataclass(frozen=True, slots=True)
class ThroughTroika:
    """A server of Troika in front of the same model server."""

    client: httpx.AsyncClient

    async def ask(self, question: str) -> Streamed:
        """Stream the answer to ``question``; none is taken from the cache."""
        body = {"question": question, "stream": True, "cache": False}
        started, first, event, done = time.perf_counter(), 0.0, b"", b""
        async for line in _lines(self.client, "/v1/query", body):
            if line.startswith(b"event: "):
                event = line[7:]
                if not first and event == b"message.delta":
                    first = time.perf_counter()
            elif event in (b"done", b"error") and line.startswith(b"data: "):
                done = line[6:]
        answer: dict[str, Any] = msgspec.json.decode(done) if done else {}
        if answer.get("degraded", "no answer") is not None:
            raise TroikaError(f"the answer to {question!r} was not made by the model: {done[:300]!r}")
        return _streamed(started, first, answer["usage"], answer["id"])


def open_client(base_url: str) -> httpx.AsyncClient:
    """Connections to ``base_url``, as many as are asked for."""
    return httpx.AsyncClient(base_url=base_url, timeout=_SECONDS, limits=_LIMITS)


async def ask_all(
    ask: Callable[[str], Awaitable[Streamed]],
    questions: Sequence[str],
    at_once: int,
    rest_seconds: float = 0.0,
) -> tuple[list[Streamed], float]:
    """All questions, ``at_once`` under way at any time, each after a rest, and the seconds of it all."""
    left, answered = iter(questions), list[Streamed]()

    async def keep_asking() -> None:
        for question in left:
            await asyncio.sleep(rest_seconds)
            answered.append(await ask(question))

    started = time.perf_counter()
    await asyncio.gather(*(keep_asking() for _ in range(at_once)))
    return answered, time.perf_counter() - started


def _streamed(started: float, first: float, usage: dict[str, int], answer_id: str = "") -> Streamed:
    if not first or not usage:
        raise TroikaError(
            "the model wrote nothing, or did not say how much: give a server that counts tokens."
        )
    return Streamed((first - started) * 1e3, usage["completion_tokens"], usage["prompt_tokens"], answer_id)


async def _lines(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> AsyncGenerator[bytes]:
    try:
        async with client.stream("POST", path, json=body) as response:
            if not response.is_success:
                raise TroikaError(
                    f"{response.url} answered {response.status_code}: {await response.aread()!r}"
                )
            rest = b""
            async for part in response.aiter_bytes():
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    yield line
    except httpx.HTTPError as error:
        raise TroikaError(f"{client.base_url} failed ({error!r}): see that it is there.") from error
