"""Web pages as sources: which there are, and what they hold.

Pages are fetched a few at a time and given out in the order they were asked for. A page's address is the
one that was asked for, wherever redirects led.
"""

from __future__ import annotations

import codecs
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from email.message import Message
from typing import Self
from urllib.parse import unquote

import httpx

from ingest.document import MetadataValue
from ingest.errors import AddressRefusedError, FileTooLargeError, ParseError
from ingest.formats import SUPPORTED_SUFFIXES, suffix_of
from ingest.settings import IngestSettings
from ingest.sources.files import is_inside
from ingest.sources.robots import Robots
from ingest.sources.sitemap import MAX_PAGES, Sitemap, names_sitemap, parse_sitemap
from ingest.sources.source import SourceBytes, SourceFailure, SourceUnchanged, Stamp
from ingest.sources.web_fetch import Fetched, Fetcher
from ingest.sources.web_guard import Resolver, check_url, system_resolver

Outcome = SourceBytes | SourceUnchanged | SourceFailure

_MAX_SITEMAPS = 500
_SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/xml": ".xml",
    "application/xml": ".xml",
    "application/rss+xml": ".xml",
    "application/atom+xml": ".xml",
    "application/json": ".json",
    "application/ld+json": ".json",
    "application/x-ndjson": ".jsonl",
    "application/pdf": ".pdf",
    "application/rtf": ".rtf",
    "text/rtf": ".rtf",
    "application/epub+zip": ".epub",
    "message/rfc822": ".eml",
    "text/vtt": ".vtt",
    "application/zip": ".zip",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.presentation": ".odp",
}
_VAGUE = frozenset(("", "text/plain", "application/octet-stream", "binary/octet-stream"))
_LATIN = frozenset(("iso8859-1", "cp1252", "ascii", "utf-8"))
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030"}


@dataclass(frozen=True, slots=True)
class WebPages:
    """The pages found, the folders that sitemaps spoke for, and what could not be read."""

    urls: tuple[str, ...]
    folders: tuple[str, ...] = ()
    failures: tuple[SourceFailure, ...] = ()

    def covers(self, uri: str) -> bool:
        """Whether the page ``uri`` would have been found, or something inside of it, were it still there."""
        return any(uri.startswith(folder) for folder in self.folders) or any(
            is_inside(uri, url) for url in self.urls
        )


class WebReader:
    """Finds and fetches pages; closes its connections when left."""

    def __init__(
        self,
        settings: IngestSettings,
        *,
        resolver: Resolver = system_resolver,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._stopped = threading.Event()
        wait = wait or self._stopped.wait
        self._fetcher = Fetcher.from_settings(settings, resolver=resolver, wait=wait)
        self._robots = Robots(self._fetcher, wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        self._fetcher.close()

    def find(self, urls: Sequence[str]) -> WebPages:
        """The pages that ``urls`` name: each itself, or all that it lists when it is a sitemap."""
        search = _PageSearch(self._fetcher)
        for url in urls:
            search.take(url)
        return WebPages(tuple(search.pages), tuple(search.folders), tuple(search.failures))

    def read(
        self,
        urls: Sequence[str],
        stamp_of: Callable[[str], Stamp | None] = lambda _: None,
        metadata: Mapping[str, MetadataValue] | None = None,
    ) -> Iterator[Outcome]:
        """What comes of each page, in order; ``stamp_of`` gives the stamp of an earlier fetch."""
        pool = ThreadPoolExecutor(self._fetcher.limits.connections, "fetch")
        waiting: deque[Future[Outcome]] = deque()
        try:
            for url in urls:
                waiting.append(pool.submit(self._read, url, stamp_of(url), metadata or {}))
                if len(waiting) >= self._fetcher.limits.connections:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            if waiting:
                self._stopped.set()
            pool.shutdown(cancel_futures=True)

    def _read(self, url: str, known: Stamp | None, metadata: Mapping[str, MetadataValue]) -> Outcome:
        try:
            fetched = self._fetcher.get(url, known, self._robots.check)
        except ParseError as error:
            return SourceFailure(url, error)
        if fetched.unchanged:
            return SourceUnchanged(url)
        name = page_name(fetched)
        content = as_utf8(fetched.content, fetched.content_type, name)
        return SourceBytes(url, name, content, metadata, stamp=fetched.stamp)


class _PageSearch:
    """Collects pages, each once, in the order they are found."""

    def __init__(self, fetcher: Fetcher) -> None:
        self.pages: dict[str, None] = {}
        self.folders: list[str] = []
        self.failures: list[SourceFailure] = []
        self._fetcher = fetcher

    def take(self, text: str) -> None:
        """Take a page, or all pages of a sitemap."""
        try:
            place = check_url(text)
            url = str(place)
            sitemap = self._sitemap(url) if names_sitemap(place.path) else None
            if sitemap is None:
                self.pages[url] = None
            elif self._expand(place, sitemap):
                # The protocol: a sitemap speaks for what lies below its own folder.
                self.folders.append(str(place.join(".")))
        except ParseError as error:
            self.failures.append(SourceFailure(text, error))

    def _expand(self, start: httpx.URL, sitemap: Sitemap) -> bool:
        """Take the pages of a sitemap and of those that it lists; whether all of them could be read."""
        complete = True
        self._take_pages(start, sitemap.pages, str(start))
        listed = self._same_host(start, sitemap.sitemaps, str(start))
        if len(listed) > _MAX_SITEMAPS:
            raise FileTooLargeError(
                f"{start} lists more than {_MAX_SITEMAPS} sitemaps: name some of them instead."
            )
        for url in listed:
            try:
                inner = self._sitemap(url)
                if inner is None or inner.sitemaps:
                    raise AddressRefusedError(
                        f"{url} in {start} is no sitemap of pages: mend it at its site."
                    )
                self._take_pages(start, inner.pages, url)
            except ParseError as error:
                self.failures.append(SourceFailure(url, error))
                complete = False
        return complete

    def _take_pages(self, start: httpx.URL, urls: Sequence[str], source: str) -> None:
        self.pages.update(dict.fromkeys(self._same_host(start, urls, source)))
        if len(self.pages) > MAX_PAGES:
            raise FileTooLargeError(
                f"{start} leads to more than {MAX_PAGES} pages: name its parts one by one."
            )

    def _same_host(self, start: httpx.URL, urls: Sequence[str], source: str) -> list[str]:
        """The addresses of the sitemap's own host, in normal form; of the others, one failure for all."""
        kept: list[str] = []
        strange: list[str] = []
        for text in urls:
            try:
                url = check_url(text)
                (kept if url.netloc == start.netloc else strange).append(str(url))
            except AddressRefusedError:
                strange.append(text)
        if strange:
            reason = (
                f"{source} lists {len(strange)} addresses that are not of {start.host}, and are left out "
                f"(the first is {strange[0][:200]!r}): name them yourself if they are meant."
            )
            self.failures.append(SourceFailure(source, AddressRefusedError(reason)))
        return kept

    def _sitemap(self, url: str) -> Sitemap | None:
        return parse_sitemap(self._fetcher.get(url).content, url)


def page_name(fetched: Fetched) -> str:
    """A file name for a page, whose suffix tells its format as far as server and address do."""
    place = httpx.URL(fetched.url)
    last = unquote(place.path).rstrip("/").rpartition("/")[2]
    suffix = suffix_of(last) if suffix_of(last) in SUPPORTED_SUFFIXES else ""
    kind = fetched.content_type.partition(";")[0].strip().lower()
    stem = (last[: -len(suffix)] if suffix else last) or place.host
    if kind in _VAGUE:
        # A server that says no more than "text" or "bytes" knows less than the address.
        return stem + (suffix or (".txt" if kind == "text/plain" else ""))
    stated = _SUFFIXES.get(kind, "")
    return stem + (stated or suffix)


def as_utf8(content: bytes, content_type: str, name: str) -> bytes:
    """A text page in UTF-8, when its server names another encoding that fits.

    Latin-1 is what servers say that know nothing, so then it is left to the page's own words. XML states
    its encoding itself.
    """
    if suffix_of(name) not in (".html", ".txt", ".md", ".csv", ".tsv"):
        return content
    declared = Message()
    declared["content-type"] = content_type
    charset = declared.get_content_charset("")
    try:
        codec = codecs.lookup(charset).name
        if codec in _LATIN or content.startswith(_MARKS) or _is_utf8(content):
            return content
        return content.decode(_WIDER.get(codec, codec)).encode("utf-8")
    except (LookupError, ValueError):
        return content


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
