"""Three times as much as a server can answer: what is too much is told so at once, the rest is answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn

from ingest.settings import Settings
from ingest.settings_access import LimitSettings
from service.answer import AnswerEvent
from service.app import Parts, create_app
from service.history.history import History
from service.question import Inquiry
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import small_handbook

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

AT_ONCE = 4
ANSWER_SECONDS = 1.5
OVERLOAD = 3
SECONDS = 15.0


class SlowPipeline(MemoryPipeline):
    """Its generator takes its time, without using a processor."""

    async def stream(self, inquiry: Inquiry) -> AsyncGenerator[AnswerEvent]:
        await asyncio.sleep(ANSWER_SECONDS)
        async for event in super().stream(inquiry):
            yield event


@contextmanager
def running_server(home: Path) -> Iterator[str]:
    history = History(home / "history.sqlite")
    settings = Settings(home=home, limits=LimitSettings(concurrent_answers=AT_ONCE))
    app = create_app(settings, Parts(OnePipeline(SlowPipeline(small_handbook())), history))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Measured:
    """Milliseconds of the requests that were answered, and of those that were refused."""

    answered: list[float] = field(default_factory=list[float])
    refused: list[float] = field(default_factory=list[float])
    fields_left_out: int = 0

    async def ask(self, client: httpx.AsyncClient, *, stream: bool = False) -> None:
        started = time.perf_counter()
        response = await client.post("/v1/query", json={"question": "What is LoRA?", "stream": stream})
        took = (time.perf_counter() - started) * 1e3
        if response.status_code == 429:
            self.refused.append(took)
            self.fields_left_out += int(response.headers.get("retry-after", "0")) < 1
        else:
            assert response.status_code == 200, response.text
            self.answered.append(took)


async def test_three_times_overload_costs_only_the_excess(tmp_path: Path) -> None:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    with running_server(tmp_path) as url:
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=30) as client:
            alone, crowded = Measured(), Measured()
            for _ in range(3):
                await asyncio.gather(*(alone.ask(client) for _ in range(AT_ONCE)))
            assert not alone.refused
            interval = ANSWER_SECONDS / AT_ONCE / OVERLOAD
            async with asyncio.TaskGroup() as group:
                for number in range(int(SECONDS / interval)):
                    group.create_task(crowded.ask(client, stream=number % 2 == 0))
                    await asyncio.sleep(interval)
            await alone.ask(client)
    normal, answered = np.percentile(alone.answered, 99), np.percentile(crowded.answered, 99)
    refused = np.percentile(crowded.refused, [50, 99])
    print(
        f"normal p99 {normal:.0f} ms; of {OVERLOAD} x overload {len(crowded.answered)} answered, "
        f"p99 {answered:.0f} ms ({answered / normal:.2f} x), {len(crowded.refused)} refused, "
        f"p50 {refused[0]:.1f} ms, p99 {refused[1]:.1f} ms"
    )
    assert crowded.fields_left_out == 0
    assert len(crowded.answered) >= SECONDS / ANSWER_SECONDS * AT_ONCE / 3
    assert len(crowded.refused) > len(crowded.answered)
    # The goals are 2 x and 50 ms on a machine of its own; this one may be busy with other tests.
    assert answered <= 3 * normal
    assert refused[0] <= 100
