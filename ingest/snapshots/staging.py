"""A snapshot in the making: a copy of the current one or an empty one, changed, then published whole.

Nothing of it is seen before ``publish``, and nothing of it stays after ``discard``.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from ingest.chunking.chunk import ChunkingSpec
from ingest.chunking.near_duplicates import DuplicateFinder
from ingest.document import BlockKind, Chunk, Document
from ingest.embed import EmbedderSpec, Matrix
from ingest.filters.access import groups_of
from ingest.settings import DenseSettings
from ingest.snapshots.collection import STAGED_PREFIX, UNPUBLISHED, Collection
from ingest.snapshots.docstore import ChunkRow, Docstore, Origin
from ingest.snapshots.durable import sync_directory, sync_tree
from ingest.snapshots.manifest import (
    IndexManifest,
    LexicalSpec,
    checksums,
    known_checksums,
    read_manifest,
    require_whole,
    write_manifest,
)
from ingest.snapshots.snapshot import DOCUMENTS, TWINS
from ingest.stores.choose import stage_indexes
from ingest.stores.settings import FILES, StoreSettings

_MANY = 500


class StagedSnapshot:
    """A snapshot that is being built on ``base``, the folder of another one, or on nothing."""

    def __init__(
        self,
        collection: Collection,
        embedder: EmbedderSpec,
        chunking: ChunkingSpec,
        dense: DenseSettings,
        base: Path | None,
        *,
        truth: Path | None = None,
        store: StoreSettings = FILES,
    ) -> None:
        """``truth`` is the folder of a snapshot of which the documents alone are taken; see ``rebuild``.

        Vectors and BM25 go where those of ``base`` are, or without one where ``store`` says.
        """
        self._collection = collection
        self._embedder = embedder
        self._chunking = chunking
        self._base = base
        self._before = read_manifest(base) if base else None
        self._unembedded: set[int] = set()
        now = datetime.now(UTC)
        self._id = f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
        self._created_at = now.isoformat(timespec="seconds")
        self._directory = collection.snapshots / f"{STAGED_PREFIX}{self._id}"
        self._directory.mkdir(parents=True)
        with ExitStack() as on_error:
            on_error.callback(shutil.rmtree, self._directory, ignore_errors=True)
            self._copy_documents(base or truth)
            before = (base, self._before) if base and self._before else None
            self._indexes = stage_indexes(
                collection, self._directory, embedder.dimension, dense, store, before
            )
            on_error.callback(self._indexes.abandon)
            self._open(base)
            on_error.pop_all()

    def _copy_documents(self, source: Path | None) -> None:
        (self._directory / UNPUBLISHED).touch()
        if source is not None:
            shutil.copyfile(source / DOCUMENTS, self._directory / DOCUMENTS)

    def _open(self, base: Path | None) -> None:
        self.documents = Docstore(self._directory / DOCUMENTS, writable=True)
        if base is not None:
            shutil.copyfile(base / TWINS, self._directory / TWINS)
        if self._before and self._before.unembedded:
            self._unembedded = set(self.documents.indexed_numbers()) - self._indexes.vectors.living
        self._document: Document | None = None
        self._twins = DuplicateFinder(path=self._directory / TWINS)

    def twin_of(self, number: int, chunk: Chunk, document: Document) -> int | None:
        """The number of an indexed chunk that says the same and may be seen by the same people, if any."""
        group = json.dumps(groups_of(document.metadata))
        return self._twins.add(number, chunk.text, exact=chunk.kind is BlockKind.CODE, group=group)

    def add(self, document: Document, origin: Origin, rows: Sequence[ChunkRow]) -> None:
        """Add a document with its chunks to the truth and to BM25; vectors follow with ``add_vectors``."""
        self.documents.add(document, origin, rows)
        indexed = [row for row in rows if row.same_as is None]
        numbers = [row.number for row in indexed]
        self._indexes.words.add(document, numbers, [row.chunk for row in indexed])
        self._unembedded.update(numbers)

    def remove(self, document_id: str) -> int:
        """Take a document out of all three; returns how many chunks went with it."""
        removal = self.documents.remove(document_id)
        self._indexes.vectors.delete(removal.numbers)
        self._indexes.words.delete(document_id, removal.numbers)
        self._unembedded.difference_update(removal.numbers)
        for number in removal.numbers:
            self._twins.discard(number)
        if removal.promoted:
            chunks = self.documents.chunks_by_number(removal.promoted)
            for number, chunk in zip(removal.promoted, chunks, strict=True):
                self._index(number, chunk)
        return len(removal.numbers)

    def rebuild(self) -> None:
        """Derive BM25, and what tells twins, from the documents anew; vectors follow with ``add_vectors``."""
        indexed = self.documents.indexed_numbers()
        for start in range(0, len(indexed), _MANY):
            numbers = indexed[start : start + _MANY]
            for number, chunk in zip(numbers, self.documents.chunks_by_number(numbers), strict=True):
                self._index(number, chunk)

    def unembedded(self) -> list[int]:
        """The numbers of the indexed chunks without a vector, ascending."""
        return sorted(self._unembedded)

    def add_vectors(self, numbers: Sequence[int], vectors: Matrix) -> None:
        """Add unit vectors of shape (n, dimension), float32, of n chunks without one."""
        self._indexes.vectors.add(numbers, vectors)
        self._unembedded.difference_update(numbers)

    def publish(self, base: str | None = None) -> IndexManifest:
        """Seal, checksum, sync, and make this the current snapshot; going back from it leads to ``base``."""
        stored = self._indexes.save()
        self._twins.close()
        documents, chunks = self.documents.document_count(), self.documents.chunk_count()
        indexed = self.documents.indexed_count()
        self.documents.seal()
        self.documents.close()
        linked = known_checksums(self._base, self._before) if self._base and self._before else {}
        manifest = IndexManifest(
            id=self._id,
            collection=self._collection.name,
            created_at=self._created_at,
            embedder=self._embedder,
            chunking=self._chunking,
            documents=documents,
            chunks=chunks,
            indexed=indexed,
            unembedded=len(self._unembedded),
            files=checksums(self._directory, linked),
            lexical=LexicalSpec(engine=stored.engine),
            dense=stored.dense,
            store=stored.store,
            base=base,
        )
        if self._base and self._before:
            require_whole(self._base, self._before, manifest.files)
        sync_tree(self._directory)
        write_manifest(self._directory, manifest)
        self._directory = self._directory.rename(self._collection.snapshots / self._id)
        sync_directory(self._collection.snapshots)
        self._collection.publish(self._id)
        (self._directory / UNPUBLISHED).unlink()
        return manifest

    def _index(self, number: int, chunk: Chunk) -> None:
        """Put a chunk that is kept already into BM25 and among those that others may repeat."""
        if self._document is None or self._document.id != chunk.document_id:
            self._document = self.documents.document(chunk.document_id)
        if self._document is not None:
            self._indexes.words.add(self._document, [number], [chunk])
            self._unembedded.add(number)
            self.twin_of(number, chunk, self._document)

    def discard(self) -> None:
        """Delete what was staged, unless it became current."""
        with ExitStack() as last:
            last.callback(self._delete_unpublished)
            last.callback(self._indexes.abandon)
            last.callback(self._twins.abandon)
            last.callback(self.documents.close)

    def _delete_unpublished(self) -> None:
        if self._collection.current_id() != self._id:
            shutil.rmtree(self._directory, ignore_errors=True)
