"""A process that stands in for a model server: it writes words at a fixed pace to as many as ask.

It takes TOKENS INTERVAL PORT: how many each answer has, the seconds between two, and where it listens, 0 for
any port that is free. It says its port in one line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
_WORDS = ("The", " library", " opens", " at", " nine", " and", " closes", " at", " six", " [1].")


def _event(text: str | None, finish: str | None = None, usage: dict[str, int] | None = None) -> bytes:
    choices = [] if usage else [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]
    return f"data: {json.dumps({'choices': choices, 'usage': usage})}\n\n".encode()


class StandIn:
    """Answers every request alike, whatever it asks for, but for how much."""

    def __init__(self, tokens: int, interval: float) -> None:
        self._interval = interval
        self._words = [_event(_WORDS[number % len(_WORDS)]) for number in range(tokens)]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, write one answer, and close."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            _, found, rest = head.partition(b"content-length:")
            body = await reader.readexactly(int(rest.split(b"\r\n")[0]) if found else 0)
            words = self._words[: json.loads(body or b"{}").get("max_tokens")]
            writer.write(_HEAD)
            for word in words:
                await asyncio.sleep(self._interval)
                writer.write(word)
                await writer.drain()
            usage = {"prompt_tokens": 1, "completion_tokens": len(words)}
            writer.write(_event(None, "stop") + _event(None, usage=usage) + b"data: [DONE]\n\n")
            await writer.drain()
        writer.close()


async def _serve(tokens: int, interval: float, port: int) -> None:
    server = await asyncio.start_server(StandIn(tokens, interval).answer, "127.0.0.1", port, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main(arguments: Sequence[str]) -> None:
    """Serve until the process is ended."""
    tokens, interval, port = arguments
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(tokens), float(interval), int(port)))


if __name__ == "__main__":
    main(sys.argv[1:])
