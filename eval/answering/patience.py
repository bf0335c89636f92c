"""A client that comes again when a server says that it is asked too much."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import httpx

_MOST_SECONDS = 60


class PatientTransport(httpx.AsyncBaseTransport):
    """Sends a request anew after the ``Retry-After`` of every 429 (RFC 9110, section 10.2.3: in seconds)."""

    def __init__(self, behind: httpx.AsyncBaseTransport) -> None:
        self._behind = behind

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        while True:
            response = await self._behind.handle_async_request(request)
            wait = response.headers.get("retry-after", "")
            if response.status_code != HTTPStatus.TOO_MANY_REQUESTS or not wait.isdecimal():
                return response
            if int(wait) > _MOST_SECONDS:
                return response  # a quota that is used up: whoever evaluates should know
            await response.aclose()
            await asyncio.sleep(int(wait))

    async def aclose(self) -> None:
        await self._behind.aclose()
