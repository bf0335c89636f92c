"""The documents of a collection under another embedder: first beside it, to measure, then in its place.

Both are built as an ingest builds them after a change of ``embedder.model``: from the text that the
collection holds, cut anew. What was embedded for the one is not embedded again for the other.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from finetune.encoders.collection import OpenCollection, embedder_loader, opened_collection
from ingest.build import Build
from ingest.embed import EmbedderSpec
from ingest.errors import CollectionBusyError
from ingest.progress import Progress
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.durable import storage_errors
from ingest.snapshots.manifest import IndexManifest
from ingest.snapshots.unfinished import UnfinishedWork
from ingest.stores.settings import FILES, StoreSettings


class Reembedding:
    """The change of a collection, as it was when ``manifest`` was read, to the embedder ``spec``."""

    def __init__(
        self, settings: Settings, manifest: IndexManifest, spec: EmbedderSpec, vectors: UnfinishedWork
    ) -> None:
        """``vectors`` keeps what was embedded, also for a later process."""
        self._settings = settings
        self._manifest = manifest
        self._spec = spec
        self._vectors = vectors

    @contextmanager
    def beside(self, current: OpenCollection, progress: Progress) -> Generator[OpenCollection]:
        """The documents of ``current`` in a collection of their own, which is gone after the block."""
        settings, name = self._settings, self._manifest.collection
        work = Collection(settings.home, name).make_work()
        with TemporaryDirectory(prefix="reembedded-", dir=work) as scratch:
            home = Path(scratch)
            with storage_errors(home), self._build(Collection(home, name), FILES) as build:
                documents = current.snapshot.documents
                for summary in documents.document_summaries():
                    kept = documents.document_with_origin(summary.id)
                    if kept is not None:
                        build.put(*kept)
                build.embed(progress)
                build.publish()
            with opened_collection(settings, name, home=home, store=FILES) as reembedded:
                yield reembedded

    def in_place(self, progress: Progress) -> str:
        """Publish the collection under the new embedder; returns the snapshot.

        `troika collections rollback` goes back to the one before.

        Raises:
            CollectionBusyError: it was changed since ``manifest`` was read, or another process writes to it.
            StorageError: the disk is full or failing; the collection stays as it was.
        """
        target = Collection(self._settings.home, self._manifest.collection)
        with storage_errors(self._settings.home), target.writing():
            if target.current_id() != self._manifest.id:
                raise CollectionBusyError(
                    f"the collection {target.name!r} was changed while the new embedder was measured on "
                    f"{self._manifest.id}: measure it again."
                )
            with self._build(target, self._settings.store) as build:
                build.carry_over()
                build.embed(progress)
                build.publish()
            self._vectors.clear()
            return target.require_current().name

    def _build(self, target: Collection, store: StoreSettings) -> Build:
        settings = self._settings
        return Build(
            target,
            self._spec,
            self._manifest.chunking,
            settings.dense,
            embedder_loader(settings, self._spec),
            self._vectors,
            keep_snapshots=settings.ingest.keep_snapshots,
            find_twins=settings.ingest.near_duplicates,
            store=store,
        )
