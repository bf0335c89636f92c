"""Answer pipelines, one per collection, opened when first asked for and replaced when outdated.

A request *leases* a pipeline. When a new snapshot or release has been published, the next lease that looks
for one opens a new pipeline; the old one serves the leases it has and is closed when the last of them ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from ingest.document import Chunk, Document
from ingest.embed import Embedder
from ingest.errors import PipelineClosedError
from service.answer import AnswerEvent, SearchResult
from service.generate import Generator
from service.question import Inquiry
from service.releases.release import Release
from service.retrieval.retrieve_mode import SearchMode

logger = logging.getLogger(__name__)

DEFAULT_PATIENCE_SECONDS = 2.0
DEFAULT_FRESH_SECONDS = 0.1
DEFAULT_RETRY_SECONDS = 60.0


class DocumentSource(Protocol):
    """The documents of a snapshot. An id that is not kept gives None."""

    def document(self, document_id: str) -> Document | None: ...

    def chunks_of(self, document_id: str) -> Sequence[Chunk]: ...


class OpenSnapshot(Protocol):
    """What the HTTP service reads of a snapshot."""

    @property
    def id(self) -> str: ...

    @property
    def documents(self) -> DocumentSource: ...


class Answering(Protocol):
    """What the HTTP service needs of ``service.cache.caching.CachingPipeline``."""

    @property
    def snapshot(self) -> OpenSnapshot: ...

    @property
    def embedder(self) -> Embedder: ...

    @property
    def generator(self) -> Generator: ...

    @property
    def release(self) -> Release: ...

    def stream(self, inquiry: Inquiry) -> AsyncGenerator[AnswerEvent]: ...

    async def search(self, inquiry: Inquiry, k: int, mode: SearchMode) -> SearchResult: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CollectionSummary:
    """A published collection, as the list of collections shows it."""

    name: str
    snapshot_id: str
    documents: int
    chunks: int


class PipelineProvider(Protocol):
    """Where the HTTP service gets its pipelines from."""

    def lease(
        self, collection: str, conversation: str | None = None, release: str | None = None
    ) -> AbstractAsyncContextManager[Answering]:
        """The pipeline of a collection; all turns of a ``conversation`` get that of the same release.

        A named ``release`` answers in place of what is served: an adapter's name, ``base``, or an alias.

        Raises:
            AdapterNotFoundError: there is no such release.
        """
        ...

    def collections(self) -> Sequence[CollectionSummary]: ...

    async def aclose(self) -> None: ...


@dataclass(slots=True)
class _Slot:
    """An open pipeline, known to be the newest at the moment ``seen`` of the event loop's clock. ``refused``
    is the newer version that could not be opened in its place, and is not tried again before ``retry_at``."""

    pipeline: Answering
    version: str
    seen: float
    users: int = 0
    retired: bool = False
    refused: str | None = None
    retry_at: float = 0.0

    def stays(self, version: str, now: float) -> bool:
        """Whether nothing is to be opened in its place where ``version`` is the newest."""
        return version == self.version or (version == self.refused and now < self.retry_at)


class Pipelines:
    """The pipelines of one release in a server process; for use from a single event loop."""

    def __init__(
        self,
        open_pipeline: Callable[[str], Awaitable[Answering]],
        version: Callable[[str], str],
        catalog: Callable[[], Sequence[CollectionSummary]],
        *,
        patience_seconds: float = DEFAULT_PATIENCE_SECONDS,
        fresh_seconds: float = DEFAULT_FRESH_SECONDS,
        retry_seconds: float = DEFAULT_RETRY_SECONDS,
    ) -> None:
        """
        Args:
            open_pipeline: opens the pipeline of a collection.
            version: names what the collection's pipeline would be opened from: the snapshot's id, and after
                a slash what else there is (fits, number of the release's record); called in a thread; raises
                CollectionNotFoundError.
            catalog: lists the published collections; called in a thread.
            patience_seconds: how long a lease waits for a newer pipeline before it takes the old one.
            fresh_seconds: how long a pipeline is taken for the newest without another look, which costs a
                busy server as much as a tenth of a search.
            retry_seconds: how long a newer pipeline that could not be opened is left before it is tried
                again: what it failed for may have passed.
        """
        self._open = open_pipeline
        self._version = version
        self._catalog = catalog
        self._patience = patience_seconds
        self._fresh = fresh_seconds
        self._retry = retry_seconds
        self._slots: dict[str, _Slot] = {}
        self._opening: dict[str, asyncio.Task[_Slot]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lease(self, collection: str) -> AsyncGenerator[Answering]:
        """The current pipeline of ``collection``, held open until the block ends.

        Raises:
            CollectionNotFoundError: no such collection is published.
            PipelineClosedError: ``aclose`` was called while it was opened.
            TroikaError: the pipeline could not be opened, and there is no older one.
        """
        slot = await self._current(collection)
        slot.users += 1
        try:
            yield slot.pipeline
        finally:
            slot.users -= 1
            self._close_if_unused(slot)

    def collections(self) -> Sequence[CollectionSummary]:
        """All published collections."""
        return self._catalog()

    async def aclose(self) -> None:
        """Close every pipeline; call it when no lease is held any more."""
        opening = list(self._opening.values())
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        for collection in list(self._slots):
            self._retire(collection)
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _current(self, collection: str) -> _Slot:
        slot, now = self._slots.get(collection), asyncio.get_running_loop().time()
        if slot is not None and now - slot.seen < self._fresh:
            return slot
        version = await asyncio.to_thread(self._version, collection)
        slot = self._slots.get(collection)
        if slot is not None and slot.stays(version, now):
            slot.seen = now
            return slot
        opening = self._opening.get(collection)
        if opening is None:
            opening = asyncio.create_task(self._reopen(collection, version))
            self._opening[collection] = opening
            opening.add_done_callback(lambda task: self._opened(collection, task))
        # Waited for, not awaited: a client that goes away must not undo the opening that others wait for.
        await asyncio.wait((opening,), timeout=None if slot is None else self._patience)
        newest = self._slots.get(collection)
        if newest is None:
            raise _failure_of(opening, collection)
        return newest

    async def _reopen(self, collection: str, version: str) -> _Slot:
        try:
            now = asyncio.get_running_loop().time()
            pipeline = await self._open(collection)
        except Exception:
            self._refuse(collection, version)
            raise
        self._retire(collection)
        slot = self._slots[collection] = _Slot(pipeline, _opened_version(pipeline, version), now)
        return slot

    def _refuse(self, collection: str, version: str) -> None:
        """Leave what could not be opened for a while, if there is an older pipeline to answer with."""
        old = self._slots.get(collection)
        if old is not None:
            logger.exception("collection %s stays at %s", collection, old.version)
            old.refused = version
            old.retry_at = asyncio.get_running_loop().time() + self._retry

    def _opened(self, collection: str, task: asyncio.Task[_Slot]) -> None:
        self._opening.pop(collection, None)
        if not task.cancelled():
            task.exception()  # Marks it as seen: those who waited have raised it, or took the old slot.

    def _retire(self, collection: str) -> None:
        slot = self._slots.pop(collection, None)
        if slot is not None:
            slot.retired = True
            self._close_if_unused(slot)

    def _close_if_unused(self, slot: _Slot) -> None:
        if slot.retired and slot.users == 0:
            # A task, because the last lease may end inside a cancelled request, where awaiting fails.
            closing = asyncio.create_task(slot.pipeline.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


def _opened_version(pipeline: Answering, version: str) -> str:
    """What ``pipeline`` was opened from where ``version`` was the newest before.

    A snapshot that was published in between is what it holds, and was perhaps gone back from since: then the
    newest version is again the one before. The number of a release never comes back, so that one that changed
    in between makes the version outdated in any case.
    """
    _, slash, others = version.partition("/")
    return f"{pipeline.snapshot.id}{slash}{others}"


def _failure_of(opening: asyncio.Task[_Slot], collection: str) -> BaseException:
    """Why there is no pipeline after ``opening``: its own error, or that all were closed in the meantime."""
    failure = opening.exception() if opening.done() and not opening.cancelled() else None
    return failure or PipelineClosedError(
        f"the pipeline of {collection} was closed while it was opened: ask again."
    )
