"""Keeps a request that was meant for another name from being answered.

A page whose own name is made to lead to this server (DNS rebinding) is of the same origin to its reader's
browser, which then lets it read answers and change documents; only the name in ``Host`` gives it away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.settings_access import AuthSettings
from ingest.settings_server import ServerSettings
from service.http_errors import problem, problem_response

IsOwn = Callable[[str], bool]


def own_hosts(server: ServerSettings, auth: AuthSettings) -> IsOwn | None:
    """Which names the server answers to; None for all.

    Without names in the settings, a server that asks nobody for a key and is for its own machine alone
    answers to the machine's: programs on it need no other, and pages of the web have no key to send.
    """
    if server.trusted_hosts:
        names = tuple(name.lower() for name in server.trusted_hosts)
        return lambda host: _is_named(host, names)
    if not auth.somebody_asks and server.fd is None and _is_of_this_machine(server.host):
        return lambda host: not host or _is_local_name(host) or _is_address(host)  # browsers give one
    return None


class OwnHosts:
    """Refuses a request with a ``Host`` that ``is_own`` does not know (421, RFC 9110 section 15.5.20)."""

    def __init__(self, app: ASGIApp, is_own: IsOwn) -> None:
        self._app = app
        self._is_own = is_own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_own(_name_of(Headers(scope=scope).get("host", ""))):
            await self._app(scope, receive, send)
            return
        detail = (
            "the request names a host that this server does not answer to: ask by one of its own names, or "
            "add this one to server.trusted_hosts."
        )
        found = problem(HTTPStatus.MISDIRECTED_REQUEST, "unknown_host", detail)
        await problem_response(found, path=scope["path"])(scope, receive, send)


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # an opened bracket that is not closed
        return ""


def _is_named(host: str, names: Sequence[str]) -> bool:
    return any(host.endswith(name[1:]) if name.startswith("*.") else host == name for name in names)


def _is_local_name(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def _is_of_this_machine(host: str) -> bool:
    return _is_local_name(host) or (_is_address(host) and ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
