"""The layers around the application, which every request passes before any route.

security headers -> HEAD as GET -> is it one of our hosts? -> other origins (CORS)
                 -> changes by other origins' pages -> who asks? -> the size of the body

All are plain ASGI, so that they neither buffer a stream nor break its cancellation.
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.settings import Settings
from service.access.authentication import Authenticator
from service.access.cross_origin import SameOrigin
from service.access.guard import Guard
from service.access.own_hosts import OwnHosts, own_hosts
from service.access.policy import DATA_POLICY
from service.http_errors import problem, problem_of, problem_response

SECURITY_HEADERS = {
    "content-security-policy": DATA_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

_UPLOADS = "/v1/documents"
_METHODS_OF_OTHER_ORIGINS = ("GET", "POST", "PUT", "DELETE")
# Clients send fields of their own, OpenAI's x-stainless-lang for one; no cookie is ever read.
_FIELDS_OF_OTHER_ORIGINS = ("*",)
_FIELDS_SHOWN_TO_THEM = ("location", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id")


def add_edge(app: FastAPI, settings: Settings, authenticator: Authenticator | None) -> None:
    """Put the layers around ``app``; without ``authenticator`` nobody is asked who they are."""
    server = settings.server
    # The last one added is the outermost.
    app.add_middleware(
        BodyLimit, max_bytes=server.max_request_bytes, max_upload_bytes=settings.jobs.max_upload_bytes
    )
    if authenticator is not None:
        app.add_middleware(Guard, authenticator=authenticator, public_metrics=settings.observe.metrics_public)
    app.add_middleware(SameOrigin, allowed=server.cors_origins)
    if server.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=server.cors_origins,
            allow_methods=_METHODS_OF_OTHER_ORIGINS,
            allow_headers=_FIELDS_OF_OTHER_ORIGINS,
            expose_headers=_FIELDS_SHOWN_TO_THEM,
        )
    is_own = own_hosts(server, settings.auth)
    if is_own is not None:
        app.add_middleware(OwnHosts, is_own=is_own)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SafeResponses)


class BodyLimit:
    """Refuses a body of more than ``max_bytes``, or ``max_upload_bytes`` where documents are uploaded: by its
    declared length at once, else while it arrives.

    Starlette's own limit is not used because it answers in plain text.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_upload_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_upload_bytes = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_upload = scope["path"] == _UPLOADS
        most = self._max_upload_bytes if is_upload else self._max_bytes
        setting = "jobs.max_upload_bytes" if is_upload else "server.max_request_bytes"
        detail = (
            f"the request's body is too large: at most {most} bytes are accepted; "
            f"send less or raise {setting}."
        )
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > most:
            found = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request_too_large", detail)
            await problem_response(found, path=scope["path"])(scope, receive, send)
            return
        await self._app(scope, _counted(receive, most, detail), send)


def _counted(receive: Receive, most: int, detail: str) -> Receive:
    received = 0

    async def counting_receive() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > most:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        return message

    return counting_receive


class HeadAsGet:
    """Answers HEAD with the head of the answer to GET (RFC 9110, section 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            is_body = message["type"] == "http.response.body"
            await send({**message, "body": b""} if is_body else message)

        await self._app({**scope, "method": "GET"}, receive, send_head)


class SafeResponses:
    """Gives every response the security headers, and turns an unexpected exception into a bare 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            if started:
                raise
            response = problem_response(problem_of(error), path=scope["path"])
            await response(scope, receive, send_with_headers)
