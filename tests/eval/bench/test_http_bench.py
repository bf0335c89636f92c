"""The HTTP benchmark puts real load on a real server, a small one here."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date

import pytest

from eval.bench.http_client import put_load, search_requests
from eval.bench.http_figures import HttpBenchFigures, http_lines, http_markdown
from eval.bench.http_run import Load, LoadRun, ServedLoad
from eval.bench.machine import Machine
from eval.bench.query_times import QueryTimes
from eval.bench.server_process import Memory
from tests.eval.fakes import shown

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def served(value: float, p50: float, p99: float, per_second: float) -> ServedLoad:
    times = QueryTimes(1_000, p50, p99, p99, 0.2)
    return ServedLoad(LoadRun(Load.CLOSED, value, times, per_second, 0), 1.5)


FIGURES = HttpBenchFigures(
    measured_on=date(2026, 11, 21),
    machine=Machine("a processor", 2, 23.0, "3.11.7"),
    text="some text",
    chunks=100_000,
    alone=served(1, 2.0, 3.0, 480.0),
    half=served(250, 2.5, 7.0, 250.0),
    busiest=served(8, 15.0, 24.0, 500.0),
    bare=served(1, 0.5, 0.9, 1_900.0),
    memory=Memory(400.0, 410.0),
    start_seconds=3.5,
    empty_start_seconds=3.1,
)


class Server:
    """Answers every request after ``seconds``; the first one after ``stall`` more."""

    def __init__(self, seconds: float = 0.0, stall: float = 0.0, answer: bytes = ANSWER) -> None:
        self.requests: list[bytes] = []
        self._seconds, self._stall, self._answer = seconds, stall, answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
            self.requests.append(head + await reader.readexactly(length))
            if len(self.requests) == 1:
                time.sleep(self._stall)  # stops the server as a whole
            await asyncio.sleep(self._seconds)
            writer.write(self._answer[:20])
            await writer.drain()
            writer.write(self._answer[20:])

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[str]:
        async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self.serve(reader, writer)
            except asyncio.IncompleteReadError:
                writer.close()

        server = await asyncio.start_server(quietly, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def load_on(server: Server, load: Load, value: float, seconds: float) -> LoadRun:
    async with server.listening() as address:
        return await put_load(address, search_requests(address, ["what?", "où?"]), load, value, seconds)


@pytest.mark.anyio
async def test_connections_are_kept_busy() -> None:
    server = Server(seconds=0.01)
    run = await load_on(server, Load.CLOSED, 4, 0.3)
    assert run.failed == 0
    assert run.times.queries == len(server.requests) >= 8
    assert run.times.p50_ms >= 10.0


@pytest.mark.anyio
async def test_requests_are_searches_for_the_questions_in_turn() -> None:
    server = Server()
    await load_on(server, Load.CLOSED, 1, 0.05)
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests[:3]]
    assert [body["query"] for body in bodies] == ["what?", "où?", "what?"]
    assert server.requests[0].startswith(b"POST /v1/search HTTP/1.1\r\nhost: 127.0.0.1:")


@pytest.mark.anyio
async def test_requests_on_a_schedule_are_as_many_as_were_due() -> None:
    run = await load_on(Server(), Load.OPEN, 100, 0.5)
    assert run.times.queries == 51


@pytest.mark.anyio
async def test_a_stall_is_paid_by_every_request_that_was_due_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.bench.http_client.MOST_CONNECTIONS", 1)
    run = await load_on(Server(stall=0.2), Load.OPEN, 100, 0.5)
    assert run.times.queries == 51
    assert run.times.p95_ms > 100.0


@pytest.mark.anyio
async def test_refused_requests_are_counted() -> None:
    refusing = Server(answer=b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n")
    run = await load_on(refusing, Load.CLOSED, 1, 0.05)
    assert run.failed == run.times.queries > 0


def test_the_json_form_has_what_the_design_names() -> None:
    document = json.loads(json.dumps(FIGURES.to_json()))
    assert document["chunks"] == 100_000
    assert document["latency_ms"] == {"p50": 2.5, "p95": 7.0, "p99": 7.0}
    assert (document["throughput_rps"], document["rss_mb"], document["peers"]) == (500.0, 400.0, {})
    assert [goal["met"] for goal in document["goals"]] == [False, True, False, True, True]
    assert (document["start_seconds"], document["empty_start_seconds"]) == (3.5, 3.1)


def test_figures_are_shown_with_their_goals() -> None:
    markdown = http_markdown(FIGURES)
    assert "| half load, 250 a second on a schedule | 2.50 | 7.00 | 7.00 | 250 | 1.50 | 0.20 |" in markdown
    assert "- p99 7.00 ms at half load (goal ≤ 6: missed)" in markdown
    assert "- answers 3.1 s after its start, without a model to load (goal ≤ 3: missed)" in markdown
    assert "400 MB resident" in shown(http_lines(FIGURES))
