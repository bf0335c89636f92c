"""How the server stops: without dropping a request that it was given.

told to stop -> /readyz says 503, new requests are still served (``drain_seconds``) -> no new connections ->
the last requests on those there are -> what is under way ends, or is cut off after the grace
"""

from __future__ import annotations

import asyncio
import signal
import socket
from dataclasses import dataclass
from types import FrameType

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LAST_REQUESTS_SECONDS = 0.5
"""How long a connection that was accepted as the last may take to send its request."""


@dataclass(slots=True)
class Shutdown:
    """Whether the server has been told to stop."""

    begun: bool = False


class ClosingConnections:
    """Once the shutdown has begun, asks clients to send what they ask next over a new connection.

    Then none of them sends a request on a connection in the moment in which it is closed.
    """

    def __init__(self, app: ASGIApp, shutdown: Shutdown) -> None:
        self._app = app
        self._shutdown = shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def closing_send(message: Message) -> None:
            if message["type"] == "http.response.start" and self._shutdown.begun:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        await self._app(scope, receive, closing_send)


class GracefulServer(uvicorn.Server):
    """Uvicorn's server, which alone closes idle connections at once: those just accepted among them."""

    def __init__(self, config: uvicorn.Config, shutdown: Shutdown, drain_seconds: float) -> None:
        super().__init__(config)
        self._shutdown = shutdown
        self._drain_seconds = drain_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain at the first SIGTERM; any further signal, and Ctrl-C, ends that at once."""
        if sig == signal.SIGTERM and not self._shutdown.begun and self._drain_seconds > 0:
            loop = asyncio.get_running_loop()
            # A signal may come while the loop has its own list of timers in its hands.
            loop.call_soon_threadsafe(loop.call_later, self._drain_seconds, super().handle_exit, sig, frame)
        else:
            super().handle_exit(sig, frame)
        self._shutdown.begun = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, then serve what has been accepted."""
        self._shutdown.begun = True
        for server in self.servers:
            server.close()
        await asyncio.sleep(_LAST_REQUESTS_SECONDS)
        await super().shutdown(sockets)
