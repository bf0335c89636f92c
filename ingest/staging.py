"""A snapshot in the making: a copy of the current one or an empty one, changed, then published whole.

Nothing of it is seen before ``publish``, and nothing of it stays after ``discard``.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ingest.chunk import ChunkingSpec
from ingest.collection import STAGED_PREFIX, Collection
from ingest.dense_segments import DenseWriter
from ingest.docstore import ChunkRow, Docstore, Origin
from ingest.document import BlockKind, Chunk, Document
from ingest.durable import sync_directory, sync_tree
from ingest.embed import EmbedderSpec, Matrix
from ingest.lexical import LexicalWriter, clone_lexical
from ingest.manifest import IndexManifest, checksums, known_checksums, read_manifest, write_manifest
from ingest.metadata import ACL
from ingest.near_duplicates import DuplicateFinder
from ingest.snapshot import DOCUMENTS, LEXICAL, TWINS, VECTORS

_MANY = 500


class StagedSnapshot:
    """A snapshot that is being built on ``base``, the folder of another one, or on nothing."""

    def __init__(
        self,
        collection: Collection,
        embedder: EmbedderSpec,
        chunking: ChunkingSpec,
        base: Path | None,
        *,
        truth: Path | None = None,
    ) -> None:
        """``truth`` is the folder of a snapshot of which the documents alone are taken; see ``rebuild``."""
        self._collection = collection
        self._embedder = embedder
        self._chunking = chunking
        self._base = base
        now = datetime.now(UTC)
        self._id = f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
        self._created_at = now.isoformat(timespec="seconds")
        self._directory = collection.snapshots / f"{STAGED_PREFIX}{self._id}"
        self._directory.mkdir(parents=True)
        source = base or truth
        if source is not None:
            shutil.copyfile(source / DOCUMENTS, self._directory / DOCUMENTS)
        if base is not None:
            clone_lexical(base / LEXICAL, self._directory / LEXICAL)
        vectors = base / VECTORS if base else None
        self._vectors = DenseWriter(self._directory / VECTORS, embedder.dimension, vectors)
        self.documents = Docstore(self._directory / DOCUMENTS, writable=True)
        self._words = LexicalWriter(self._directory / LEXICAL)
        if base is not None:
            shutil.copyfile(base / TWINS, self._directory / TWINS)
        self._twins = DuplicateFinder(path=self._directory / TWINS)

    def twin_of(self, number: int, chunk: Chunk, document: Document) -> int | None:
        """The number of an indexed chunk that says the same and may be seen by the same people, if any."""
        group = json.dumps(document.metadata.get(ACL))
        return self._twins.add(number, chunk.text, exact=chunk.kind is BlockKind.CODE, group=group)

    def add(self, document: Document, origin: Origin, rows: Sequence[ChunkRow]) -> None:
        """Add a document with its chunks to the truth and to BM25; vectors follow with ``add_vectors``."""
        self.documents.add(document, origin, rows)
        indexed = [row for row in rows if row.same_as is None]
        self._words.add([row.number for row in indexed], [row.chunk for row in indexed])

    def remove(self, document_id: str) -> int:
        """Take a document out of all three; returns how many chunks went with it."""
        removal = self.documents.remove(document_id)
        self._vectors.delete(removal.numbers)
        self._words.delete(removal.numbers)
        for number in removal.numbers:
            self._twins.discard(number)
        if removal.promoted:
            chunks = self.documents.chunks_by_number(removal.promoted)
            self._words.add(removal.promoted, chunks)
            for number, chunk in zip(removal.promoted, chunks, strict=True):
                self._remember(number, chunk)
        return len(removal.numbers)

    def rebuild(self) -> None:
        """Derive BM25, and what tells twins, from the documents anew; vectors follow with ``add_vectors``."""
        indexed = self.documents.indexed_numbers()
        for start in range(0, len(indexed), _MANY):
            numbers = indexed[start : start + _MANY]
            chunks = self.documents.chunks_by_number(numbers)
            self._words.add(numbers, chunks)
            for number, chunk in zip(numbers, chunks, strict=True):
                self._remember(number, chunk)

    def unembedded(self) -> list[int]:
        """The numbers of the indexed chunks without a vector, ascending."""
        return [n for n in self.documents.indexed_numbers() if n not in self._vectors.living]

    def add_vectors(self, numbers: Sequence[int], vectors: Matrix) -> None:
        """Add unit vectors of shape (n, dimension), float32, of n chunks without one."""
        self._vectors.add(numbers, vectors)

    def publish(self) -> IndexManifest:
        """Seal, checksum, sync, and make this the current snapshot."""
        self._words.commit()
        unembedded = len(self.unembedded())
        self._vectors.save()
        self._twins.close()
        documents, chunks = self.documents.document_count(), self.documents.chunk_count()
        indexed = len(self.documents.indexed_numbers())
        self.documents.seal()
        self.documents.close()
        linked = known_checksums(self._base, read_manifest(self._base)) if self._base else {}
        manifest = IndexManifest(
            id=self._id,
            collection=self._collection.name,
            created_at=self._created_at,
            embedder=self._embedder,
            chunking=self._chunking,
            documents=documents,
            chunks=chunks,
            indexed=indexed,
            unembedded=unembedded,
            files=checksums(self._directory, linked),
        )
        sync_tree(self._directory)
        write_manifest(self._directory, manifest)
        self._directory = self._directory.rename(self._collection.snapshots / self._id)
        sync_directory(self._collection.snapshots)
        self._collection.publish(self._id)
        return manifest

    def _remember(self, number: int, chunk: Chunk) -> None:
        document = self.documents.document(chunk.document_id)
        if document is not None:
            self.twin_of(number, chunk, document)

    def discard(self) -> None:
        """Delete what was staged, unless it became current."""
        self.documents.close()
        self._twins.abandon()
        self._words.abandon()
        if self._collection.current_id() != self._id:
            shutil.rmtree(self._directory, ignore_errors=True)
