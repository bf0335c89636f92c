"""How long a server may be silent after it was sent a question, before the question is given up.

Many a server takes a question, by the head of its answer, long before its first token, which may rightly take
seconds. One that is frozen, or whose network is gone, takes none. Whether a server does so, and how soon, is
learned from it: others send the head with the first token, and nothing is known of them before that.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx

from ingest.errors import GeneratorError

# A server may take so many times as long as it took for the slowest of its last questions.
_SLACK = 3.0
_REMEMBERED = 32
# The head came early if the first token took at least so many times as long.
_EARLY = 2.0
# Silence is counted in slices of time: one in which this process itself did not get to run counts only once.
_SLICES = 5


class SilentServerError(GeneratorError):
    """A server that answered before took no question, and said nothing to anybody else either."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A question that was taken: ``began`` when it was sent, by ``time.monotonic``; ``seconds`` later came
    the head."""

    response: httpx.Response
    began: float
    seconds: float


@dataclass(slots=True)
class Listener:
    """What was heard from the server at ``url``, by all who ask it; for use from a single event loop.

    It may be silent for ``shortest`` seconds at least, and for ``longest`` while nothing is known of it.
    """

    url: str
    shortest: float
    longest: float
    _heard: int = 0
    _waits: deque[tuple[float, float]] = field(
        default_factory=lambda: deque[tuple[float, float]](maxlen=_REMEMBERED)
    )

    def heard(self) -> None:
        """Something came from the server, in answer to whatever question."""
        self._heard += 1

    def wrote(self, taken: Taken) -> None:
        """The first token of an answer came."""
        self._waits.append((taken.seconds, time.monotonic() - taken.began))

    async def until_taken(self, request: Coroutine[Any, Any, httpx.Response]) -> Taken:
        """Wait for the head of the answer to ``request``, as ``httpx.AsyncClient.send`` gives it.

        Raises:
            SilentServerError: the server said nothing for too long, to this question and to all others.
            httpx.HTTPError: as ``request``.
        """
        sending = asyncio.ensure_future(request)
        began = time.monotonic()
        try:
            await self._while_heard(sending)
        except BaseException:
            await _abandon(sending)
            raise
        self.heard()
        return Taken(sending.result(), began, time.monotonic() - began)

    async def _while_heard(self, sending: asyncio.Future[httpx.Response]) -> None:
        allowed = self._allowed()
        silent, heard = 0, self._heard
        while not sending.done():
            if silent == _SLICES:
                raise SilentServerError(
                    f"the generator at {self.url} took no question for {allowed:.2g} s: see what it does."
                )
            await asyncio.wait((sending,), timeout=allowed / _SLICES)
            silent = silent + 1 if heard == self._heard else 0
            heard = self._heard

    def _allowed(self) -> float:
        early = sum(first >= _EARLY * head for head, first in self._waits)
        if 2 * early <= len(self._waits):
            return self.longest
        slowest = max(head for head, _ in self._waits)
        return min(self.longest, max(self.shortest, _SLACK * slowest))


async def _abandon(sending: asyncio.Future[httpx.Response]) -> None:
    """Leave no connection open that came to be while it was given up."""
    sending.cancel()
    await asyncio.wait((sending,))
    if not sending.cancelled() and sending.exception() is None:
        await sending.result().aclose()
