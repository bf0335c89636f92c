"""What a snapshot is made of: everything that changes a vector or a term, and a checksum for each file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import xxhash

from ingest.chunking.chunk import ChunkingSpec
from ingest.embed import EmbedderSpec, Pooling
from ingest.errors import IncompatibleSnapshotError, SnapshotCorruptError
from ingest.lexical import bm25
from ingest.lexical.fields import TITLE_WEIGHT
from ingest.settings import EmbedderBackend
from ingest.snapshots.collection import UNPUBLISHED
from ingest.snapshots.durable import file_checksum, replace_text
from ingest.stores.spec import StoreSpec
from ingest.vectors.spec import DenseSpec
from ingest.words.terms import TERMS_VERSION

FORMAT = 3
_LOCKS = frozenset({".tantivy-meta.lock", ".tantivy-writer.lock", UNPUBLISHED})
MANIFEST = "manifest.json"
_CHECKSUM = "checksum"
Files = dict[str, tuple[int, str]]
"""Relative path -> size in bytes and checksum (``durable.file_checksum``)."""


@dataclass(frozen=True, slots=True)
class LexicalSpec:
    """How BM25 was built; a reader with other terms refuses the snapshot."""

    engine: str = "tantivy"
    k1: float = bm25.K1
    b: float = bm25.B
    title_weight: int = TITLE_WEIGHT
    document_weight: float = bm25.DOCUMENT_WEIGHT
    terms_version: int = TERMS_VERSION


@dataclass(frozen=True, slots=True)
class IndexManifest:
    """What a snapshot is made of.

    ``chunks`` counts all chunks, ``indexed`` those that BM25 holds (the others repeat one of them), and
    ``unembedded`` those of the indexed ones that have no vector yet. ``base`` is the snapshot that this one
    was built on, which is not the one before it in time once somebody rolled back.
    """

    id: str
    collection: str
    created_at: str
    embedder: EmbedderSpec
    chunking: ChunkingSpec
    documents: int
    chunks: int
    indexed: int
    unembedded: int
    files: Files
    lexical: LexicalSpec = field(default_factory=LexicalSpec)
    dense: DenseSpec = field(default_factory=DenseSpec)
    store: StoreSpec = field(default_factory=StoreSpec)
    base: str | None = None
    format: int = FORMAT


def write_manifest(directory: Path, manifest: IndexManifest) -> None:
    """Write the manifest of the snapshot in ``directory``, durably."""
    values = asdict(manifest)
    sealed = {**values, _CHECKSUM: _checksum(values)}
    replace_text(directory / MANIFEST, json.dumps(sealed, ensure_ascii=False, indent=2))


def read_manifest(directory: Path) -> IndexManifest:
    """The manifest of the snapshot in ``directory``.

    Raises:
        SnapshotCorruptError: it is missing or damaged.
        IncompatibleSnapshotError: another version of Troika wrote it.
    """
    try:
        raw: dict[str, Any] = json.loads((directory / MANIFEST).read_text("utf-8"))
        _require_known_format(directory, raw["format"], raw["lexical"]["terms_version"])
        if raw.pop(_CHECKSUM) != _checksum(raw):
            raise ValueError("it differs from its checksum")
        raw["embedder"] = _read_embedder(raw["embedder"])
        raw["chunking"] = ChunkingSpec.from_json(raw["chunking"])
        raw["lexical"] = LexicalSpec(**raw["lexical"])
        raw["dense"] = DenseSpec.from_json(raw["dense"])
        raw["store"] = StoreSpec.from_json(raw["store"]) if "store" in raw else StoreSpec()
        raw["files"] = {name: (size, checksum) for name, (size, checksum) in raw["files"].items()}
        return IndexManifest(**raw)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SnapshotCorruptError(
            f"the manifest of snapshot {directory.name} cannot be read ({error!r}): "
            "run `troika collections rollback`, or ingest into another collection."
        ) from error


def checksums(directory: Path, known: Mapping[tuple[int, int], tuple[int, str]] | None = None) -> Files:
    """Size and checksum of every file of a snapshot but its manifest and locks.

    ``known`` gives those of files that need not be read again, by device and inode: what a new snapshot
    links from the one before it.
    """
    found: Files = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.name != MANIFEST and path.name not in _LOCKS:
            status = path.stat()
            before = (known or {}).get((status.st_dev, status.st_ino))
            name = path.relative_to(directory).as_posix()
            found[name] = before or (status.st_size, file_checksum(path))
    return found


def known_checksums(directory: Path, manifest: IndexManifest) -> dict[tuple[int, int], tuple[int, str]]:
    """What ``checksums`` may rely on for files that are linked from ``directory``."""
    return {
        (status.st_dev, status.st_ino): stated
        for name, stated in manifest.files.items()
        if (status := (directory / name).stat()).st_size == stated[0]
    }


def _checksum(values: Mapping[str, Any]) -> str:
    """What tells that a manifest says what was written; it does not depend on the order of the keys."""
    text = json.dumps(values, sort_keys=True)
    return xxhash.xxh3_128_hexdigest(text.encode())


def require_whole(directory: Path, manifest: IndexManifest, carried: Files) -> None:
    """Look at the checksums of those files that a snapshot built on this one does not link unchanged.

    Raises:
        SnapshotCorruptError: what was read of such a file, and is now under another checksum, is damaged.
    """
    for name, stated in manifest.files.items():
        path = directory / name
        if carried.get(name) != stated and (path.stat().st_size, file_checksum(path)) != stated:
            raise SnapshotCorruptError(
                f"{path} differs from its checksum, and nothing is built on it: run `troika collections "
                f"verify {manifest.collection} --repair`."
            )


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
