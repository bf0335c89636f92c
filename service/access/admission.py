"""How many answers, searches and pictures are made at once, and how many wait; the rest is to come again.

A question that is refused at once costs next to nothing, and one that is let in is answered in about the time
that it takes without the crowd: while half as many wait as are made, in one and a half times it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum

from starlette.requests import Request

from ingest.choices import GeneratorKind
from ingest.errors import OverloadedError
from ingest.settings import Settings

_AT_ONCE = {
    GeneratorKind.LLAMA_CPP: 2,  # as many as the embedded model decodes side by side
    GeneratorKind.EXTRACTIVE: 16,
    GeneratorKind.OPENAI: 256,  # as many as vLLM runs in a batch
    GeneratorKind.VLLM: 256,
}
_NEWEST_WEIGHT = 0.1


class Work(StrEnum):
    """What a request asks for, of which only so much is done at once."""

    ANSWER = "answers"
    SEARCH = "searches"
    EMBEDDING = "embeddings"
    PAGE = "pages"


class Gate:
    """Lets ``at_once`` in, and ``most_waiting`` wait in turn; for use from one event loop."""

    def __init__(self, work: Work, at_once: int, most_waiting: int) -> None:
        self._work = work
        self._at_once = at_once
        self._most_waiting = most_waiting
        self._places = asyncio.Semaphore(at_once)
        self._mean_seconds = 0.0
        self.waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        """Hold a place until the block ends, after waiting for it if need be.

        Raises:
            OverloadedError: too many wait already.
        """
        if self._places.locked() and self.waiting >= self._most_waiting:
            raise OverloadedError(
                f"{self._at_once} {self._work} are being made and {self.waiting} wait: ask again later, or "
                f"raise limits.concurrent_{self._work} or limits.waiting_{self._work}.",
                self._seconds_until_place(),
            )
        self.waiting += 1
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1
        clock = asyncio.get_running_loop().time
        entered = clock()
        try:
            yield
        finally:
            self._places.release()
            self._mean_seconds += _NEWEST_WEIGHT * (clock() - entered - self._mean_seconds)

    def _seconds_until_place(self) -> int:
        """About how long it takes until those who wait are through."""
        return max(1, math.ceil((self.waiting + 1) * self._mean_seconds / self._at_once))


def gates_of(settings: Settings) -> dict[Work, Gate]:
    """A gate for each kind of work."""
    limits = settings.limits
    answers = limits.concurrent_answers or _AT_ONCE[settings.generator.kind]
    waiting = max(1, answers // 2) if limits.waiting_answers is None else limits.waiting_answers
    return {
        Work.ANSWER: Gate(Work.ANSWER, answers, waiting),
        Work.SEARCH: Gate(Work.SEARCH, limits.concurrent_searches, limits.waiting_searches),
        Work.EMBEDDING: Gate(Work.EMBEDDING, limits.concurrent_embeddings, limits.waiting_embeddings),
        Work.PAGE: Gate(Work.PAGE, limits.concurrent_pages, limits.waiting_pages),
    }


def admitted(work: Work) -> Callable[[Request], AsyncGenerator[None]]:
    """A dependency of routes that holds a place at the gate of ``work`` until the response is sent.

    The gates are the application's, as ``app.state.gates``.

    Raises:
        OverloadedError: too many wait already.
    """

    async def hold_place(request: Request) -> AsyncGenerator[None]:
        gates: Mapping[Work, Gate] = request.app.state.gates
        async with gates[work].place():
            yield

    return hold_place
