"""Stands before everything that the server serves: who asks, and do they ask too often?

It refuses whatever it has no reason to let through: a path that nobody serves asks for a key, too. So no
spelling of a path gets round it. What a caller may do is each route's own to say, by ``caller.allowed``.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.errors import TroikaError
from service.access.authentication import Authenticator
from service.access.caller import NOBODY
from service.access.policy import DOCS_PATH, PAGE_PATHS
from service.access.rates import Limiter
from service.http_errors import headers_of, problem_of, problem_response

OPEN_PATHS = frozenset((*PAGE_PATHS, DOCS_PATH, "/openapi.json", "/healthz", "/readyz"))
OPEN_FOLDERS = ("/assets/", "/swagger/")
METRICS_PATH = "/metrics"


class Guard:
    """Gives every request its caller, or answers it with 401 or 429. Plain ASGI, as it must not buffer."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator, *, public_metrics: bool = False) -> None:
        self._app = app
        self._authenticator = authenticator
        self._limiter = Limiter()
        self._open_paths = OPEN_PATHS | {METRICS_PATH} if public_metrics else OPEN_PATHS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_open(scope["path"]):
            scope.setdefault("state", {})["caller"] = NOBODY
            await self._app(scope, receive, send)
            return
        try:
            asker = await self._authenticator.identify(Headers(scope=scope))
            fields = self._limiter.take(asker.caller.name or "", asker.allowance)
        except TroikaError as error:
            refusal = problem_response(problem_of(error), headers_of(error), path=scope["path"])
            await refusal(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = asker.caller
        await self._app(scope, receive, _with_fields(send, fields) if fields else send)

    def _is_open(self, path: str) -> bool:
        return path in self._open_paths or path.startswith(OPEN_FOLDERS)


def _with_fields(send: Send, fields: dict[str, str]) -> Send:
    async def send_with_fields(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(fields)
        await send(message)

    return send_with_fields
