"""Keep fetches away from addresses that are no public web server.

Whoever writes a sitemap or a redirect must not make this machine read its own services, its neighbours'
or a cloud's metadata. So a host is resolved here, every address it has is checked, and the connection is
made to the very address that was checked: a name that resolves to something else a moment later
(DNS rebinding) changes nothing. Names in requests and certificates stay those of the host.

Not covered: a public server that relays to a private one, and proxies (none is used).
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpcore
import httpx

from ingest.errors import AddressRefusedError

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a host, as text; raises OSError when it has none."""

_REFUSED = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "168.63.129.16/32",  # a cloud's metadata, at an address that looks public
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "::/96",  # IPv4-compatible, long given up
        "64:ff9b:1::/48",  # NAT64 of a local network
        "100::/64",
        "2001::/23",  # Teredo and its kin
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",  # site-local
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_NUMERIC_END = re.compile(r"(?:\d+|0x[0-9a-f]*)\.?\Z")
_MAX_HOST_CHARACTERS = 253
_MAX_URL_CHARACTERS = 4096


def is_public(address: Address) -> bool:
    """Whether an address is of the public internet, with an IPv4 address inside of it looked at, too."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address.version == block.version and address in block for block in _REFUSED)


def check_url(text: str) -> httpx.URL:
    """The URL in its normal form: lower-case host, no default port, a path, no fragment.

    Raises:
        AddressRefusedError: it is no address of a web page.
    """
    shown = _shown(text)
    if len(text) > _MAX_URL_CHARACTERS or re.search(r"[\x00-\x20\x7f\\]", text):
        raise _refused(shown, "it is too long or holds blanks, control characters or backslashes")
    try:
        url = httpx.URL(text)
        host = url.raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError) as error:
        raise _refused(shown, "it is no well-formed address") from error
    if url.scheme not in ("http", "https"):
        raise _refused(shown, f"its scheme is {url.scheme!r}, and only http and https are fetched")
    if url.userinfo:
        raise _refused(shown, "it holds a user name or a password")
    if url.port is not None and not 1 <= url.port <= 65535:
        raise _refused(shown, f"its port is {url.port}")
    _check_host(host, shown)
    return httpx.URL(str(url.copy_with(fragment=None, raw_path=url.raw_path)))


def _check_host(host: str, shown: str) -> None:
    if ":" in host:
        try:
            literal = IPv6Address(host)
        except ValueError as error:
            raise _refused(shown, f"{host!r} is no IPv6 address") from error
        if literal.scope_id is not None:
            raise _refused(shown, "its address names an interface of this machine")
        return
    if len(host) > _MAX_HOST_CHARACTERS or not _HOST.fullmatch(host):
        raise _refused(shown, f"{host[:80]!r} is no host name")
    if _NUMERIC_END.search(host.rpartition(".")[2] or host.rstrip(".").rpartition(".")[2]):
        try:
            IPv4Address(host)
        except ValueError as error:
            # Decimal, octal, hexadecimal and short forms, which resolvers read in different ways.
            raise _refused(shown, f"{host!r} is a number, and no IPv4 address in its usual form") from error


def _literal(host: str) -> list[str]:
    try:
        return [str(ip_address(host))]
    except ValueError:
        return []


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses that the operating system knows for a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to the addresses that it has resolved and checked itself."""

    def __init__(self, resolver: Resolver, *, allow_private: bool) -> None:
        self._resolver = resolver
        self._allow_private = allow_private
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address of the host that accepts one.

        Raises:
            AddressRefusedError: one of its addresses is of a private network.
            httpcore.ConnectError: it has no address, or none accepts.
        """
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port):
            try:
                return self._sockets.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            addresses = [ip_address(text) for text in _literal(host) or self._resolver(host, port)]
        except (OSError, ValueError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved ({error})") from error
        refused = [] if self._allow_private else [place for place in addresses if not is_public(place)]
        if refused:
            raise _refused(host, f"it leads to {refused[0]}, which is of a private or special network")
        return addresses


class GuardedTransport(httpx.BaseTransport):
    """What an ``httpx.Client`` sends its requests through, so that none goes round the guard."""

    def __init__(
        self,
        *,
        allow_private: bool,
        resolver: Resolver = system_resolver,
        connections: int = 4,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._backend = GuardedBackend(resolver, allow_private=allow_private)
        self._connections = connections
        self._ssl_context = ssl_context
        self._pools: dict[str, httpcore.ConnectionPool] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request whose URL has been through ``check_url``."""
        url = check_url(str(request.url))
        with _as_httpx_errors(request):
            response = self._pool(url.scheme).handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.read(),
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Stream(response, request),
        )

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.close()

    def _pool(self, scheme: str) -> httpcore.ConnectionPool:
        """The connections of a scheme; certificates are loaded, which takes a while, for the first https."""
        with self._lock:
            if scheme not in self._pools:
                secure = scheme == "https"
                self._pools[scheme] = httpcore.ConnectionPool(
                    ssl_context=(self._ssl_context or httpx.create_ssl_context()) if secure else None,
                    max_connections=self._connections,
                    network_backend=self._backend,
                )
            return self._pools[scheme]


class _Stream(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx_errors(self._request):
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


@contextmanager
def _as_httpx_errors(request: httpx.Request) -> Generator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise httpx.TimeoutException(str(error) or "it took too long", request=request) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError) as error:
        raise httpx.TransportError(str(error) or type(error).__name__, request=request) from error


def _shown(text: str) -> str:
    """An address as a message may show it: on one line, not too long, without a password."""
    printable = re.sub(r"[^\x21-\x7e\u00a1-\uffff]", "?", re.sub(r"//[^/?#]*@", "//***@", text))
    return printable if len(printable) <= 200 else f"{printable[:200]}…"


def _refused(shown: str, reason: str) -> AddressRefusedError:
    return AddressRefusedError(
        f"{shown} is not fetched: {reason}; name a public http(s) address, or set "
        "ingest.allow_private_addresses for servers of your own network."
    )
