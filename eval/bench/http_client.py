"""The process that puts load on a server; it takes ADDRESS FOLDER LOAD VALUE SECONDS.

``closed`` keeps VALUE connections busy: each asks again when it is answered. ``open`` sends VALUE requests a
second whatever the server does; one that no connection is free for is counted from when it was due, so that
a stall is paid by all that it delays. ``bare`` is ``closed`` with a request that the server has no work for:
what this client and the server's framework take by themselves. The last line is one JSON document.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from eval.bench.http_run import Load, LoadRun
from eval.bench.query_times import summarize
from eval.bench.retrieval_corpus import BenchCorpus

K = 10
MOST_CONNECTIONS = 128
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OK = b"HTTP/1.1 200"


class _Connection(asyncio.Protocol):
    """One request at a time over a connection that stays open."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bool] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    async def ask(self, request: bytes) -> bool:
        """Whether the request was answered with 200."""
        if self._transport is None:
            raise ConnectionError("there is no connection")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_HEAD_END)
        if end < 0 or self._answer is None:
            return
        length = _LENGTH.search(self._received, 0, end + 2)
        if length and len(self._received) >= end + len(_HEAD_END) + int(length[1]):
            self._answer.set_result(self._received.startswith(_OK))
            self._received.clear()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server closed the connection"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _Traffic:
    """Requests one after the other, due ``interval`` seconds apart; at once where that is 0."""

    def __init__(self, requests: Sequence[bytes], interval: float, seconds: float) -> None:
        self.times: list[float] = []
        self.failed = 0
        self.started = time.perf_counter()
        self._requests = requests
        self._interval = interval
        self._seconds = seconds
        self._numbers = count()

    async def keep_asking(self, connection: _Connection) -> None:
        """Take the next request that is due, until the time is over."""
        while True:
            number, free = next(self._numbers), time.perf_counter()
            due = self.started + number * self._interval if self._interval else free
            if due - self.started > self._seconds:
                return
            if due > free:
                await asyncio.sleep(due - free)
                due = time.perf_counter()  # a timer that is late by itself is no fault of the server's
            answered = await connection.ask(self._requests[number % len(self._requests)])
            self.times.append((time.perf_counter() - due) * 1e3)
            self.failed += not answered


async def put_load(
    address: str, requests: Sequence[bytes], load: Load, value: float, seconds: float
) -> LoadRun:
    """Ask ``address`` in the way of ``load`` for ``seconds``."""
    loop, target = asyncio.get_running_loop(), urlsplit(address)
    host, port = target.hostname or "", target.port or 80
    width = MOST_CONNECTIONS if load is Load.OPEN else int(value)
    opened = [await loop.create_connection(_Connection, host, port) for _ in range(width)]
    connections = [connection for _, connection in opened]
    traffic = _Traffic(requests, 1.0 / value if load is Load.OPEN else 0.0, seconds)
    cpu = time.process_time()
    await asyncio.gather(*map(traffic.keep_asking, connections))
    cpu_ms = (time.process_time() - cpu) * 1e3 / len(traffic.times)
    elapsed = time.perf_counter() - traffic.started
    for connection in connections:
        connection.close()
    times = summarize(traffic.times, cpu_ms)
    return LoadRun(load, value, times, len(traffic.times) / elapsed, traffic.failed)


def search_requests(address: str, questions: Sequence[str]) -> list[bytes]:
    """``POST /v1/search`` for each question."""
    bodies = [json.dumps({"query": question, "k": K}).encode() for question in questions]
    return [
        b"POST /v1/search HTTP/1.1\r\nhost: %s\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (urlsplit(address).netloc.encode(), len(body), body)
        for body in bodies
    ]


def main(arguments: Sequence[str]) -> None:
    """Put the load on the server and print the run as JSON."""
    address, folder, load, value, seconds = arguments
    if Load(load) is Load.BARE:
        requests = [b"GET /healthz HTTP/1.1\r\nhost: %s\r\n\r\n" % urlsplit(address).netloc.encode()]
    else:
        requests = search_requests(address, BenchCorpus(Path(folder)).questions)
    run = asyncio.run(put_load(address, requests, Load(load), float(value), float(seconds)))
    sys.stdout.write(json.dumps(asdict(run)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
