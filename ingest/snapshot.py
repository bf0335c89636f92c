"""A snapshot: documents, vectors and BM25 of one moment, immutable and checksummed.

::

    snapshots/ID/
        documents.sqlite   the truth
        vectors.faiss      derived
        lexical/           derived
        manifest.json      written last: what the others were made with, their sizes and checksums

A snapshot without its manifest does not exist. A reader holds the files it opened until it closes them.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest import dense, lexical
from ingest.chunk import ChunkingSpec
from ingest.collection import STAGED_PREFIX, Collection
from ingest.dense import DenseIndex
from ingest.docstore import Docstore
from ingest.document import Chunk, Document
from ingest.durable import file_sha256, replace_text, sync_directory, sync_tree
from ingest.embed import EmbedderSpec, Matrix, Pooling
from ingest.errors import IncompatibleSnapshotError, SnapshotCorruptError
from ingest.lexical import LexicalReader, LexicalWriter, clone_lexical
from ingest.settings import EmbedderBackend
from ingest.terms import TERMS_VERSION

FORMAT = 1
DOCUMENTS = "documents.sqlite"
VECTORS = "vectors.faiss"
LEXICAL = "lexical"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class LexicalSpec:
    """How BM25 was built; a reader with other terms refuses the snapshot."""

    engine: str = "tantivy"
    k1: float = lexical.K1
    b: float = lexical.B
    terms_version: int = TERMS_VERSION


@dataclass(frozen=True, slots=True)
class IndexManifest:
    """What a snapshot is made of. ``files`` maps each relative path to its size in bytes and SHA-256."""

    id: str
    collection: str
    created_at: str
    embedder: EmbedderSpec
    chunking: ChunkingSpec
    documents: int
    chunks: int
    files: dict[str, tuple[int, str]]
    lexical: LexicalSpec = field(default_factory=LexicalSpec)
    dense: str = "flat-ip"
    format: int = FORMAT


class Snapshot:
    """A published snapshot, open for reading."""

    def __init__(self, directory: Path, manifest: IndexManifest) -> None:
        self.manifest = manifest
        self.directory = directory
        self.documents = Docstore(directory / DOCUMENTS)
        self.vectors = DenseIndex.open(directory / VECTORS)
        self.words = LexicalReader(directory / LEXICAL)

    @property
    def id(self) -> str:
        return self.manifest.id

    def close(self) -> None:
        """Let go of the files."""
        self.documents.close()


class StagedSnapshot:
    """A snapshot in the making, from a copy of the current one; invisible until ``publish``."""

    def __init__(self, collection: Collection, embedder: EmbedderSpec, chunking: ChunkingSpec) -> None:
        self._collection = collection
        self._embedder = embedder
        self._chunking = chunking
        now = datetime.now(UTC)
        self._id = f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
        self._created_at = now.isoformat(timespec="seconds")
        self._directory = collection.snapshots / f"{STAGED_PREFIX}{self._id}"
        self._directory.mkdir(parents=True)
        if collection.current_id() is not None:
            current = collection.require_current()
            shutil.copyfile(current / DOCUMENTS, self._directory / DOCUMENTS)
            clone_lexical(current / LEXICAL, self._directory / LEXICAL)
            self._vectors = DenseIndex.open(current / VECTORS)
        else:
            self._vectors = DenseIndex.empty(embedder.dimension)
        self.documents = Docstore(self._directory / DOCUMENTS, writable=True)
        self._words = LexicalWriter(self._directory / LEXICAL)

    def add(self, document: Document, chunks: Sequence[Chunk], vectors: Matrix) -> None:
        """Add a document with its chunks and their unit vectors, float32 of shape (chunks, dimension)."""
        numbers = self.documents.add(document, chunks)
        if numbers:
            self._vectors.add(numbers, vectors)
            self._words.add(numbers, chunks)

    def remove(self, document_id: str) -> int:
        """Take a document out of all three; returns how many chunks went with it."""
        numbers = self.documents.remove(document_id)
        self._vectors.delete(numbers)
        self._words.delete(numbers)
        return len(numbers)

    def publish(self) -> IndexManifest:
        """Seal, checksum, sync, and make this the current snapshot."""
        self._words.commit()
        self._vectors.save(self._directory / VECTORS)
        documents, chunks = self.documents.document_count(), self.documents.chunk_count()
        self.documents.seal()
        self.documents.close()
        manifest = IndexManifest(
            id=self._id,
            collection=self._collection.name,
            created_at=self._created_at,
            embedder=self._embedder,
            chunking=self._chunking,
            documents=documents,
            chunks=chunks,
            files=checksums(self._directory),
        )
        sync_tree(self._directory)
        replace_text(self._directory / MANIFEST, json.dumps(asdict(manifest), ensure_ascii=False, indent=2))
        self._directory = self._directory.rename(self._collection.snapshots / self._id)
        sync_directory(self._collection.snapshots)
        self._collection.publish(self._id)
        return manifest

    def discard(self) -> None:
        """Delete what was staged, unless it became current."""
        self.documents.close()
        self._words.abandon()
        if self._collection.current_id() != self._id:
            shutil.rmtree(self._directory, ignore_errors=True)


def open_snapshot(home: Path, collection: str) -> Snapshot:
    """Open the current snapshot of a collection for reading.

    Raises:
        CollectionNotFoundError: nothing was published under this name.
        IncompatibleSnapshotError: another version of Troika wrote it.
        SnapshotCorruptError: its files are missing or damaged.
    """
    target = Collection(home, collection)
    dense.use_one_thread()
    while True:
        directory = target.require_current()
        try:
            manifest = read_manifest(directory)
            _require_sizes(directory, manifest)
            return Snapshot(directory, manifest)
        except SnapshotCorruptError:
            # A writer that published while this was opened may have deleted it as one too many.
            if target.require_current() == directory:
                raise


def read_manifest(directory: Path) -> IndexManifest:
    """The manifest of the snapshot in ``directory``; see ``open_snapshot`` for the errors."""
    try:
        raw: dict[str, Any] = json.loads((directory / MANIFEST).read_text("utf-8"))
        _require_known_format(directory, raw["format"], raw["lexical"]["terms_version"])
        raw["embedder"] = _read_embedder(raw["embedder"])
        raw["chunking"] = ChunkingSpec(**raw["chunking"])
        raw["lexical"] = LexicalSpec(**raw["lexical"])
        raw["files"] = {name: (size, sha256) for name, (size, sha256) in raw["files"].items()}
        return IndexManifest(**raw)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SnapshotCorruptError(
            f"the manifest of snapshot {directory.name} cannot be read ({error!r}): restore {directory} or "
            "ingest into another collection."
        ) from error


def _require_known_format(directory: Path, version: int, terms_version: int) -> None:
    if (version, terms_version) != (FORMAT, TERMS_VERSION):
        raise IncompatibleSnapshotError(
            f"the snapshot {directory.name} has format {version} and terms {terms_version}, this version "
            f"reads {FORMAT} and {TERMS_VERSION}: ingest into another collection."
        )


def _read_embedder(raw: dict[str, Any]) -> EmbedderSpec:
    values = dict(raw)
    values["backend"] = EmbedderBackend(raw["backend"])
    values["pooling"] = Pooling(raw["pooling"])
    values["languages"] = tuple(raw["languages"])
    return EmbedderSpec(**values)


def _require_sizes(directory: Path, manifest: IndexManifest) -> None:
    """Look at the size of every file: cheap enough for each opening, where checksums are not."""
    for name, (size, _) in manifest.files.items():
        try:
            found = (directory / name).stat().st_size
        except OSError as error:
            raise SnapshotCorruptError(
                f"{directory / name} cannot be read ({error.strerror}): restore it or ingest into another "
                "collection."
            ) from error
        if found != size:
            raise SnapshotCorruptError(
                f"{directory / name} has {found} bytes where the manifest says {size}: restore it or ingest "
                "into another collection."
            )


def checksums(directory: Path) -> dict[str, tuple[int, str]]:
    """Size in bytes and SHA-256 of every file of a snapshot but its manifest and locks."""
    return {
        path.relative_to(directory).as_posix(): (path.stat().st_size, file_sha256(path))
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != MANIFEST and not path.name.endswith(".lock")
    }
