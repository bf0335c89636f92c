"""Releases side by side: a question is answered by the release that it names, or by what is served to all.

::

    asked for, or routing.collections  ->  routing.aliases  ->  an adapter's name, or base  ->  its pipelines
    nothing                            ->  what is served, or the canary                    ->  canary.py

A release that is named is opened when it is first asked for, and kept ready until others were asked for more
lately. Its name stands for the same weights for ever, so only snapshots and fits are looked at anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.settings import Settings
from ingest.settings_routing import RoutingSettings
from ingest.snapshots.collection import Collection
from service.cache.caching import CachingPipeline
from service.cache.caching_factory import CachingFactory
from service.catalog import published_collections
from service.fits import fits_digest
from service.history.history import History
from service.pipelines import Answering, CollectionSummary, Pipelines
from service.releases.canary import CanaryPipelines
from service.releases.release import named_release, read_candidate
from service.releases.release_history import current_number


def open_releases(settings: Settings, factory: CachingFactory, history: History) -> ReleasePipelines:
    """The pipelines of every release that a server of ``settings`` answers with; none is opened yet."""
    home = settings.home

    def snapshot_and_fits(name: str) -> str:
        collection = Collection(home, name)
        return f"{collection.require_current().name}/{fits_digest(collection.directory)}"

    def with_release(collection: str) -> str:
        return f"{snapshot_and_fits(collection)}/{current_number(home)}"

    def catalog() -> Sequence[CollectionSummary]:
        return published_collections(home)

    async def open_candidate(collection: str) -> CachingPipeline:
        return await factory.open(collection, await asyncio.to_thread(read_candidate, home))

    def named(release: str) -> Pipelines:
        async def open_named(collection: str) -> CachingPipeline:
            return await factory.open(collection, await asyncio.to_thread(named_release, home, release))

        return Pipelines(open_named, snapshot_and_fits, catalog)

    served = CanaryPipelines(
        home,
        Pipelines(factory.open, with_release, catalog),
        Pipelines(open_candidate, with_release, catalog),
        history,
        settings.canary,
    )
    return ReleasePipelines(home, served, named, settings.routing)


@dataclass(slots=True)
class _Named:
    """The pipelines of one release, and how many leases are held or waited for."""

    pipelines: Pipelines
    leases: int = 0


class ReleasePipelines:
    """What a server answers with, by release; for use from a single event loop."""

    def __init__(
        self,
        home: Path,
        served: CanaryPipelines,
        named: Callable[[str], Pipelines],
        settings: RoutingSettings,
    ) -> None:
        """``named`` makes the pipelines of the release that it is given, which exists."""
        self._home = home
        self._served = served
        self._make = named
        self._settings = settings
        self._named: dict[str, _Named] = {}  # the one that was asked for last comes last
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lease(
        self, collection: str, conversation: str | None = None, release: str | None = None
    ) -> AsyncGenerator[Answering]:
        """See ``PipelineProvider``.

        Raises:
            AdapterNotFoundError: ``release`` is neither an alias nor a release.
            TroikaError: as ``Pipelines.lease``.
        """
        wanted = release or self._settings.collections.get(collection)
        if wanted is None:
            async with self._served.lease(collection, conversation) as pipeline:
                yield pipeline
            return
        named = await self._ready(self._settings.aliases.get(wanted, wanted))
        named.leases += 1
        try:
            async with named.pipelines.lease(collection) as pipeline:
                yield pipeline
        finally:
            named.leases -= 1
            self._close_unused(self._settings.open_releases)

    def collections(self) -> Sequence[CollectionSummary]:
        """All published collections."""
        return self._served.collections()

    async def aclose(self) -> None:
        """Close every pipeline; call it when no lease is held any more."""
        await self._served.aclose()
        self._close_unused(0)
        await asyncio.gather(*self._closing)

    async def _ready(self, name: str) -> _Named:
        if name not in self._named:
            await asyncio.to_thread(named_release, self._home, name)  # before anything makes way for it
        named = self._named.pop(name, None) or _Named(self._make(name))
        self._named[name] = named
        return named

    def _close_unused(self, most: int) -> None:
        """Close the releases that were not asked for longest, down to ``most``, but none that is in use."""
        unused = [name for name, named in self._named.items() if named.leases == 0]
        for name in unused[: max(0, len(self._named) - most)]:
            # A task, because a lease may end inside a cancelled request, where awaiting fails.
            closing = asyncio.create_task(self._named.pop(name).pipelines.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
