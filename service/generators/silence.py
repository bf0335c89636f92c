"""How long a server may be silent after it was sent a question, before the question is given up.

A server takes a question, by the head of its answer, long before its first token, which may rightly take
seconds. One that is frozen, or whose network is gone, takes none. How soon a server takes questions is
learned from it, since some send the head with the first token.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine
from typing import Any

import httpx

# A server may take so many times as long as it took for the slowest of its last questions.
_SLACK = 3.0
_REMEMBERED = 32
# Silence is counted in slices of time: one in which this process itself did not get to run counts only once.
_SLICES = 5


class SilentServerError(Exception):
    """``seconds`` passed without a byte from the server."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"silent for {seconds:g} s")
        self.seconds = seconds


class Listener:
    """What was heard from one server, by all who ask it; for use from a single event loop."""

    def __init__(self, shortest: float, longest: float) -> None:
        """A server that is not known yet may be silent for ``longest`` seconds, and any for ``shortest``."""
        self._shortest = shortest
        self._longest = longest
        self._waits: deque[float] = deque(maxlen=_REMEMBERED)
        self._heard = 0

    def heard(self) -> None:
        """Something came from the server, in answer to whatever question."""
        self._heard += 1

    async def response_to(self, request: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
        """The head of the answer to ``request``, as ``httpx.AsyncClient.send`` gives it.

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
        response = sending.result()
        self._waits.append(time.monotonic() - began)
        self.heard()
        return response

    async def _while_heard(self, sending: asyncio.Future[httpx.Response]) -> None:
        allowed = self._allowed()
        silent, heard = 0, self._heard
        while not sending.done():
            if silent == _SLICES:
                raise SilentServerError(allowed)
            await asyncio.wait((sending,), timeout=allowed / _SLICES)
            silent = silent + 1 if heard == self._heard else 0
            heard = self._heard

    def _allowed(self) -> float:
        if not self._waits:
            return self._longest
        return min(self._longest, max(self._shortest, _SLACK * max(self._waits)))


async def _abandon(sending: asyncio.Future[httpx.Response]) -> None:
    """Leave no connection open that came to be while it was given up."""
    sending.cancel()
    await asyncio.wait((sending,))
    if not sending.cancelled() and sending.exception() is None:
        await sending.result().aclose()
