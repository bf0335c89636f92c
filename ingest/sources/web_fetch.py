"""Fetch one page: guarded, within limits, with redirects checked one by one and retries that are polite."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate, mktime_tz, parsedate_tz
from http import HTTPStatus
from typing import Self

import httpx

from ingest.errors import AddressRefusedError, FetchError, FileTooLargeError, ParseError, SourceGoneError
from ingest.settings import IngestSettings
from ingest.sources.source import Stamp
from ingest.sources.web_guard import GuardedTransport, Resolver, check_url, system_resolver

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_TRY_AGAIN = frozenset((429, 500, 502, 503, 504))
_GONE = frozenset((404, 410))
_STEP_SECONDS = 10.0
_CODINGS = frozenset(("", "identity", "gzip", "deflate"))
"""One coding at most: of two, a kilobyte could unpack to gigabytes in one go."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What a fetch may take: ``seconds`` for an attempt with its redirects, ``pause_seconds`` between two."""

    page_bytes: int = 100_000_000
    seconds: float = 60.0
    redirects: int = 5
    attempts: int = 4
    pause_seconds: float = 60.0
    connections: int = 4


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server answered in the end; ``url`` is where the redirects led, ``content`` is unpacked."""

    url: str
    status: int
    content: bytes
    content_type: str
    stamp: Stamp

    @property
    def unchanged(self) -> bool:
        """Whether the page is as it was when it got the stamp that was sent."""
        return self.status == HTTPStatus.NOT_MODIFIED


class Fetcher:
    """Fetches pages; may be used by several threads at once."""

    def __init__(
        self,
        limits: FetchLimits,
        *,
        user_agent: str,
        allow_private: bool,
        resolver: Resolver = system_resolver,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """``wait`` pauses for some seconds; what is true of its result ends the run."""
        self.limits = limits
        self.user_agent = user_agent
        self._wait = wait
        step = min(_STEP_SECONDS, limits.seconds)
        self._client = httpx.Client(
            transport=GuardedTransport(
                allow_private=allow_private, resolver=resolver, connections=limits.connections
            ),
            headers={"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"},
            timeout=httpx.Timeout(step, pool=limits.seconds),
            trust_env=False,
        )

    @classmethod
    def from_settings(
        cls,
        settings: IngestSettings,
        *,
        resolver: Resolver = system_resolver,
        wait: Callable[[float], object] = time.sleep,
    ) -> Self:
        """A fetcher with the limits that are set."""
        limits = FetchLimits(
            page_bytes=settings.max_file_megabytes * 1_000_000,
            seconds=settings.fetch_seconds,
            connections=settings.fetch_connections,
        )
        return cls(
            limits,
            user_agent=settings.user_agent,
            allow_private=settings.allow_private_addresses,
            resolver=resolver,
            wait=wait,
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def get(
        self, url: str, known: Stamp | None = None, check: Callable[[str], None] | None = None
    ) -> Fetched:
        """The page at ``url``.

        Args:
            url: where to begin.
            known: the stamp of an earlier fetch; the answer may then be that nothing changed.
            check: called with the address of each step, to raise what speaks against it.

        Raises:
            AddressRefusedError, SourceGoneError, FileTooLargeError, FetchError: there is no page to be had.
        """
        fetched = self.answer(url, known, check)
        if fetched.status in _GONE:
            raise SourceGoneError(f"{url} is not there ({fetched.status}): remove it from what is ingested.")
        if not (200 <= fetched.status < 300 or (fetched.unchanged and known is not None)):
            raise FetchError(
                f"{url} answered {fetched.status} {_phrase(fetched.status)} where a page was expected: open "
                "it in a browser that is not logged in."
            )
        return fetched

    def answer(
        self, url: str, known: Stamp | None = None, check: Callable[[str], None] | None = None
    ) -> Fetched:
        """As ``get``, with an answer of any status; it tries again while that may help."""
        for attempt in range(self.limits.attempts):
            last = attempt == self.limits.attempts - 1
            pause = 0.5 * 2**attempt * random.uniform(1.0, 1.5)
            try:
                fetched, asked_pause = self._follow(url, known, check)
            except httpx.TransportError as error:
                if last:
                    reason = str(error) or type(error).__name__
                    raise FetchError(
                        f"{url} cannot be fetched ({reason}): check the address and the network."
                    ) from error
            except ParseError:
                raise
            except Exception as error:
                # Servers send what libraries did not foresee, and one of them must not stop the others.
                raise FetchError(
                    f"{url} cannot be fetched ({type(error).__name__}: {error}): open it in a browser."
                ) from error
            else:
                if last or fetched.status not in _TRY_AGAIN:
                    return fetched
                if asked_pause > self.limits.pause_seconds:
                    return fetched
                pause = max(pause, asked_pause)
            if self._wait(min(pause, self.limits.pause_seconds)):
                break
        raise FetchError(f"{url} was given up, since the run was ended: run it again.")

    def _follow(
        self, url: str, known: Stamp | None, check: Callable[[str], None] | None
    ) -> tuple[Fetched, float]:
        """The answer at the end of the redirects, and the pause in seconds that it asks for."""
        deadline = time.monotonic() + self.limits.seconds
        place = check_url(url)
        for _ in range(self.limits.redirects + 1):
            if check is not None:
                before = time.monotonic()
                check(str(place))
                deadline += time.monotonic() - before
            with self._client.stream("GET", place, headers=_conditions(known)) as response:
                target = response.headers.get("location")
                if response.status_code not in _REDIRECTS or not target:
                    content = self._body(response, str(place), deadline)
                    return _fetched(response, str(place), content), _asked_pause(response.headers)
                place = _joined(place, target)
        raise FetchError(
            f"{url} redirects more than {self.limits.redirects} times: name the page it leads to."
        )

    def _body(self, response: httpx.Response, url: str, deadline: float) -> bytes:
        if response.status_code >= 300:
            return b""
        if response.headers.get("content-encoding", "").strip().lower() not in _CODINGS:
            raise FetchError(f"{url} is packed in a way that was not asked for: report it to the site.")
        self._check_size(
            int(size) if (size := response.headers.get("content-length", "")).isdecimal() else 0, url
        )
        parts: list[bytes] = []
        total = 0
        try:
            for part in response.iter_bytes():
                parts.append(part)
                total += len(part)
                self._check_size(total, url)
                if time.monotonic() > deadline:
                    raise httpx.TimeoutException(f"it took longer than {self.limits.seconds:g} s")
        except httpx.DecodingError as error:
            raise FetchError(f"{url} is not packed as its server says: open it in a browser.") from error
        return b"".join(parts)

    def _check_size(self, size: int, url: str) -> None:
        if size > self.limits.page_bytes:
            raise FileTooLargeError(
                f"{url} has more than {self.limits.page_bytes} bytes, and no more are read: leave it out, or "
                "raise ingest.max_file_megabytes."
            )


def _fetched(response: httpx.Response, url: str, content: bytes) -> Fetched:
    headers = response.headers
    stamp = Stamp(len(content), _modified_ns(headers.get("last-modified", "")), headers.get("etag", ""))
    return Fetched(url, response.status_code, content, headers.get("content-type", ""), stamp)


def _conditions(known: Stamp | None) -> dict[str, str]:
    if known is not None and known.etag:
        return {"If-None-Match": known.etag}
    if known is not None and known.modified_ns is not None:
        return {"If-Modified-Since": formatdate(known.modified_ns // 1_000_000_000, usegmt=True)}
    return {}


def _joined(place: httpx.URL, target: str) -> httpx.URL:
    try:
        joined = str(place.join(target))
    except (httpx.InvalidURL, ValueError) as error:
        raise AddressRefusedError(
            f"{place} redirects to what is no address, and is not fetched: name the page it is to lead to."
        ) from error
    return check_url(joined)


def _modified_ns(date: str) -> int | None:
    parsed = parsedate_tz(date)
    try:
        return None if parsed is None else int(mktime_tz(parsed)) * 1_000_000_000
    except (ValueError, OverflowError):
        return None


def _asked_pause(headers: Mapping[str, str]) -> float:
    """Seconds, from a ``Retry-After`` of either form."""
    asked = headers.get("retry-after", "").strip()
    if asked.isdecimal():
        return float(asked)
    moment = _modified_ns(asked)
    return 0.0 if moment is None else max(0.0, moment / 1e9 - time.time())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(unknown)"
