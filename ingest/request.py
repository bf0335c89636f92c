"""What an operator asks of an ingest, and where it is read from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ingest.choices import Engine
from ingest.compare import AnySource, source_key
from ingest.document import MetadataValue
from ingest.errors import SourceGoneError, UnreadableFileError
from ingest.parse_fingerprint import ParseFingerprint
from ingest.settings import IngestSettings
from ingest.sources.files import Sources, find_files
from ingest.sources.memory import SourceMemory
from ingest.sources.source import SourceFailure, Stamp
from ingest.sources.sql import RowQuery, read_rows, rows_address
from ingest.sources.uploads import UploadedFiles
from ingest.workers.handle import WorkerLimits

if TYPE_CHECKING:
    from ingest.sources.faq import FaqFile
    from ingest.sources.web import WebPages, WebReader


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What to ingest and how; ``metadata`` is stated of every source and overrides what they say.

    ``uploads`` is a folder of ``ingest.sources.uploads``, whose files come with metadata of their own.
    """

    paths: tuple[Path, ...] = ()
    urls: tuple[str, ...] = ()
    query: RowQuery | None = None
    faq: tuple[Path, ...] = ()
    uploads: Path | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict[str, MetadataValue])
    prune: bool = False
    retry_failed: bool = False
    lexical_first: bool = False
    engine: Engine = Engine.LOCAL
    ray_address: str | None = None


class OpenSources:
    """The sources of a request: listed when opened, read one by one, closed when left."""

    def __init__(self, request: IngestRequest, settings: IngestSettings, memory: SourceMemory) -> None:
        """
        Raises:
            PathNotFoundError: a path does not exist.
            QueryError, GlobError: what is asked for cannot be used.
        """
        self._request = request
        self._memory = memory
        self._fingerprint = ParseFingerprint.of(WorkerLimits.of(settings))
        self._opened = ExitStack()
        self._files: Sources = find_files(
            request.paths, include=request.include, exclude=request.exclude, metadata=request.metadata
        )
        self._uploads = UploadedFiles(request.uploads) if request.uploads else None
        self._faq: list[FaqFile] = []
        if request.faq:
            # Imported when there is one: what tells its encoding takes time to load.
            from ingest.sources.faq import FaqFile

            self._faq = [FaqFile(path, request.metadata) for path in request.faq]
        self._rows = rows_address(request.query) if request.query else None
        self._web: WebReader | None = None
        self._pages: WebPages | None = None
        if request.urls:
            # Imported when a page is asked for: the web client takes as long to load as all the rest.
            from ingest.sources.web import WebReader

            self._web = self._opened.enter_context(WebReader(settings))
            self._pages = self._web.find(request.urls)
        self._seen: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    @property
    def count(self) -> int | None:
        """How many sources there are; None where only reading them tells."""
        pages = len(self._pages.urls) if self._pages else 0
        uploads = len(self._uploads.sources) if self._uploads else 0
        return None if self._rows or self._faq else len(self._files.files) + uploads + pages

    def read(self, known: Mapping[str, str]) -> Iterator[AnySource]:
        """All sources; ``known`` maps those that the collection holds to their keys."""
        for source in self._all(known):
            if not (isinstance(source, SourceFailure) and isinstance(source.error, SourceGoneError)):
                self._seen.add(source.uri)
            yield source

    def vanished(self, known: Mapping[str, str]) -> list[str]:
        """Those of ``known`` that would have been read, were they still there; for when all were read."""
        return [uri for uri in known if uri not in self._seen and self._covers(uri)]

    def _all(self, known: Mapping[str, str]) -> Iterator[AnySource]:
        for error in (*self._files.unreadable, *(self._uploads.unreadable if self._uploads else ())):
            reason = f"the folder cannot be read ({error.strerror}): check that you may read it."
            yield SourceFailure(str(error.filename), UnreadableFileError(reason))
        yield from self._files.failures
        yield from self._files.files
        if self._uploads is not None:
            yield from self._uploads.sources
        if self._web is not None and self._pages is not None:
            yield from self._pages.failures
            yield from self._web.read(
                self._pages.urls, lambda url: self._stamp(url, known), self._request.metadata
            )
        for faq in self._faq:
            yield from faq.read()
        if self._request.query is not None:
            yield from read_rows(self._request.query, self._request.metadata)

    def _stamp(self, url: str, known: Mapping[str, str]) -> Stamp | None:
        """The stamp of a page if the collection holds what had it: what was read may not be published."""
        stamp = self._memory.stamp(url)
        sha256 = self._memory.sha256(url, stamp) if stamp else None
        is_held = sha256 is not None and known.get(url) == source_key(sha256, self._request.metadata)
        is_current = not self._fingerprint.is_outdated(self._memory.parsed_by(url))
        return stamp if is_held and is_current else None

    def _covers(self, uri: str) -> bool:
        in_rows = self._rows is not None and uri.startswith(self._rows)
        in_pages = self._pages is not None and self._pages.covers(uri)
        in_faq = any(faq.covers(uri) for faq in self._faq)
        in_uploads = self._uploads is not None and self._uploads.covers(uri)
        return in_rows or self._files.covers(uri) or in_uploads or in_pages or in_faq
