"""What a site's robots.txt asks of those who fetch from it (RFC 9309)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from protego import Protego

from ingest.errors import ParseError, RobotsRefusedError
from ingest.sources.web_fetch import Fetcher

_MAX_BYTES = 500 * 1024
_MAX_DELAY_SECONDS = 10.0


@dataclass(slots=True)
class _Site:
    """One origin. ``allows`` is None until its robots.txt was asked for; ``rules`` are None without one.

    ``failure`` says why the site cannot be asked at all.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    rules: Protego | None = None
    allows: bool | None = None
    failure: ParseError | None = None
    next_turn: float = 0.0


class Robots:
    """Reads each site's robots.txt once; may be used by several threads at once."""

    def __init__(self, fetcher: Fetcher, wait: Callable[[float], object] = time.sleep) -> None:
        self._fetcher = fetcher
        # The product's name alone, without version and remarks, is what the rules are looked up by.
        self._agent = fetcher.user_agent.split()[0].partition("/")[0]
        self._wait = wait
        self._lock = threading.Lock()
        self._sites: dict[str, _Site] = {}

    def check(self, url: str) -> None:
        """Return when it is this page's turn.

        Raises:
            RobotsRefusedError: the site does not want the page to be fetched, or does not say.
            AddressRefusedError, FetchError: the site may not or cannot be asked.
        """
        place = httpx.URL(url)
        origin = f"{place.scheme}://{place.netloc.decode('ascii')}"
        with self._lock:
            site = self._sites.setdefault(origin, _Site())
        with site.lock:
            if site.allows is None:
                self._read(site, f"{origin}/robots.txt")
            pause = self._turn(site)
        if pause > 0:
            self._wait(pause)
        if site.failure is not None:
            raise type(site.failure)(f"{url}: {site.failure}")
        if not site.allows:
            raise RobotsRefusedError(
                f"{url} is not fetched, since {origin}/robots.txt cannot be had: try again later."
            )
        if site.rules is not None and not site.rules.can_fetch(url, self._agent):
            raise RobotsRefusedError(
                f"{url} is not fetched, since {origin}/robots.txt asks {self._agent} not to: leave it out or "
                "ask the site's owner."
            )

    def _read(self, site: _Site, url: str) -> None:
        """A site without rules allows everything; one that cannot answer allows nothing (RFC 9309, 2.3.1)."""
        site.allows = False
        try:
            answer = self._fetcher.answer(url)
        except ParseError as error:
            site.failure = error
            return
        if 200 <= answer.status < 300:
            site.rules = Protego.parse(answer.content[:_MAX_BYTES].decode("utf-8", errors="replace"))
        site.allows = answer.status < 500 and answer.status != 429

    def _turn(self, site: _Site) -> float:
        """Seconds until the site's next page may be fetched; the turn is taken."""
        delay = site.rules.crawl_delay(self._agent) if site.rules is not None else None
        if not delay or delay <= 0:
            return 0.0
        now = time.monotonic()
        turn = max(now, site.next_turn)
        site.next_turn = turn + min(delay, _MAX_DELAY_SECONDS)
        return turn - now
