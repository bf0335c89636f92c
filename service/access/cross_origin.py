"""Keeps a page of another origin from changing anything in its reader's name.

A browser sends a form, or an upload of files, to any server without asking it first. Where nobody is asked
for a key, that would be enough to put a document among those that answers are made from.
"""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.http_errors import problem, problem_response

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})
_ALL = "*"


class SameOrigin:
    """Refuses what a page of another origin asks to be changed, unless that origin is one of ``allowed``.

    A browser tells where a request comes from by ``Sec-Fetch-Site`` (Fetch Metadata Request Headers, W3C), an
    older one by ``Origin`` alone; programs that are no browser send neither.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] in _SAFE_METHODS
            or self._is_expected(Headers(scope=scope))
        ):
            await self._app(scope, receive, send)
            return
        detail = (
            "the request comes from a page of another origin, which may not change anything here: ask from "
            "the server's own page, or name the other origin in server.cors_origins."
        )
        found = problem(HTTPStatus.FORBIDDEN, "cross_origin", detail)
        await problem_response(found, path=scope["path"])(scope, receive, send)

    def _is_expected(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if _ALL in self._allowed or (origin is not None and origin in self._allowed):
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in _OWN_SITES
        return origin is None or urlsplit(origin).netloc == headers.get("host")
