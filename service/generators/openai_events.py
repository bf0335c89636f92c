"""The events of a streamed ``/v1/chat/completions``, as servers send them: lines of JSON behind ``data:``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Annotated

import httpx
import msgspec

from ingest.errors import GeneratorError
from service.generate import Piece

_DATA = b"data:"
_DONE = b"[DONE]"
_LONGEST_LINE = 1 << 20
_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 31)]


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _TokenCounts(msgspec.Struct):
    prompt_tokens: _Count
    completion_tokens: _Count


class _Chunk(msgspec.Struct):
    """The part of a ``chat.completion.chunk`` that is read."""

    choices: list[_Choice] | None = None
    usage: _TokenCounts | None = None
    error: object = None


@dataclass(frozen=True, slots=True)
class Event:
    """What a line of the stream says. ``is_last``: the model's own end, or that of the stream."""

    piece: Piece | None = None
    is_last: bool = False


async def lines_of(response: httpx.Response) -> AsyncGenerator[bytes]:
    """The lines of a stream of events, which end with line feeds.

    Not ``Response.aiter_lines``: it cuts at U+2028 and its like too, which JSON may hold as they are.

    Raises:
        ValueError: a line does not end.
        httpx.HTTPError: the server breaks off.
    """
    rest = b""
    async for part in response.aiter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line
        if len(rest) > _LONGEST_LINE:
            raise ValueError(f"a line of more than {_LONGEST_LINE} bytes")
    yield rest


def event_of(line: bytes) -> Event:
    """What ``line`` says; nothing where it is no data.

    Raises:
        GeneratorError: the server says that it failed.
        msgspec.DecodeError: the line is not of that form.
    """
    if not line.startswith(_DATA):
        return Event()
    body = line.removeprefix(_DATA).strip()
    if body == _DONE:
        return Event(is_last=True)
    chunk = msgspec.json.decode(body, type=_Chunk)
    if chunk.error:
        raise GeneratorError(f"the generator failed: {chunk.error}.")
    choice = chunk.choices[0] if chunk.choices else _Choice()
    text = (choice.delta.content if choice.delta else None) or ""
    is_last, truncated = choice.finish_reason is not None, choice.finish_reason == "length"
    counts = chunk.usage
    if counts is not None and (text or truncated or counts.completion_tokens or not chunk.choices):
        return Event(Piece(text, counts.prompt_tokens, counts.completion_tokens, truncated), is_last)
    return Event(Piece(text, truncated=truncated) if text or truncated else None, is_last)
