"""The outermost layer of the application: names each request, and tells the log and the metrics its end."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access.caller import Caller
from service.observe.metrics import ServiceMetrics
from service.observe.request import CURRENT_REQUEST, ObservedRequest, request_id

logger = logging.getLogger("service.access_log")

_ASKED_BY_MACHINES = frozenset(("/healthz", "/readyz", "/metrics"))


@dataclass(slots=True)
class _Sent:
    """What was sent so far. ``status`` is that of an error until a response has begun."""

    status: int = HTTPStatus.INTERNAL_SERVER_ERROR
    bytes: int = 0
    whole: bool = False

    def note(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
            self.whole = not message.get("more_body", False)

    def outcome(self, problem: str | None) -> str:
        """How the request ended, in a word. A stream that has begun tells its ``problem`` with status 200."""
        if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return "server_error"
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            return "rejected"
        if self.status >= HTTPStatus.BAD_REQUEST:
            return "client_error"
        if not self.whole:
            return "cut_off"
        return "ok" if problem is None else "server_error"


class RequestWatch:
    """Plain ASGI, so that it neither buffers a stream nor breaks its cancellation."""

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = ObservedRequest(request_id(Headers(scope=scope).get("x-request-id")), scope)
        sent = _Sent()

        async def noting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request.id
            sent.note(message)
            await send(message)

        token = CURRENT_REQUEST.set(request)
        started = time.perf_counter()
        self._metrics.requests_open.inc()
        try:
            await self._app(scope, receive, noting_send)
        finally:
            self._metrics.requests_open.dec()
            self._tell(request, sent, time.perf_counter() - started)
            CURRENT_REQUEST.reset(token)

    def _tell(self, request: ObservedRequest, sent: _Sent, seconds: float) -> None:
        outcome = sent.outcome(request.problem)
        self._metrics.request_seconds.labels(request.route, "total", outcome).observe(seconds)
        if outcome == "rejected":
            self._metrics.rejected.labels(request.problem or "unknown").inc()
        caller: Caller | None = request.scope.get("state", {}).get("caller")
        fields = {
            "method": request.scope["method"],
            "route": request.route,
            "status": int(sent.status),
            "outcome": outcome,
            "code": request.problem,
            "ms": round(seconds * 1e3, 3),
            "bytes": sent.bytes,
            "key": None if caller is None else caller.name,
        }
        quiet = request.route in _ASKED_BY_MACHINES
        logger.log(logging.DEBUG if quiet else logging.INFO, "request", extra={"fields": fields})
