"""Prove that a snapshot's truth, vectors and BM25 agree: by checksum, by count, by number, by span."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import SnapshotCorruptError
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore import Docstore
from ingest.snapshots.manifest import IndexManifest, checksums, read_manifest
from ingest.snapshots.snapshot import Snapshot
from ingest.stores.settings import FILES, StoreSettings


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found; ``problems`` is empty when everything agrees."""

    collection: str
    snapshot: str
    documents: int
    chunks: int
    problems: tuple[str, ...]


def verify_collection(home: Path, name: str, store: StoreSettings = FILES) -> Verification:
    """Check the current snapshot of a collection; ``store`` says where Milvus is.

    Raises:
        CollectionNotFoundError: nothing was published under this name.
        SettingsError, DatabaseError, MissingExtraError: it is in Milvus, which cannot be reached.
    """
    try:
        current = Collection(home, name).require_current()
    except SnapshotCorruptError as error:
        return Verification(name, "", 0, 0, (str(error),))
    return verify_snapshot(name, current, store)


def verify_snapshot(name: str, directory: Path, store: StoreSettings) -> Verification:
    """Check the snapshot of the collection ``name`` in ``directory``; see ``verify_collection``."""
    try:
        manifest = read_manifest(directory)
    except SnapshotCorruptError as error:
        return Verification(name, directory.name, 0, 0, (str(error),))
    try:
        problems = damaged_files(directory, manifest)
        if not problems:
            with closing(Snapshot(directory, manifest, store)) as snapshot:
                problems = _disagreements(snapshot)
    except (SnapshotCorruptError, OSError) as error:
        problems = [str(error)]
    return Verification(name, manifest.id, manifest.documents, manifest.chunks, tuple(problems))


def damaged_files(directory: Path, manifest: IndexManifest) -> list[str]:
    """What is wrong with the files of a snapshot, by their checksums."""
    found = checksums(directory)
    problems = [f"{name} is missing" for name in manifest.files.keys() - found.keys()]
    problems += [f"{name} does not belong here" for name in found.keys() - manifest.files.keys()]
    problems += [
        f"{name} differs from its checksum"
        for name in found.keys() & manifest.files.keys()
        if found[name] != manifest.files[name]
    ]
    return sorted(problems)


def _disagreements(snapshot: Snapshot) -> list[str]:
    manifest, store = snapshot.manifest, snapshot.documents
    indexed = set(store.indexed_numbers())
    embedded = snapshot.vector_numbers()
    problems: list[str] = []
    counted = (store.document_count(), store.chunk_count(), len(indexed))
    if counted != (manifest.documents, manifest.chunks, manifest.indexed):
        problems.append("the manifest and the document store count differently")
    lacking = len(indexed - set(embedded))
    if (
        not indexed.issuperset(embedded)
        or len(embedded) != len(set(embedded))
        or lacking != manifest.unembedded
    ):
        problems.append("the vectors do not belong to exactly the stored chunks")
    if snapshot.words.numbers() != indexed:
        problems.append("BM25 does not hold exactly the stored chunks")
    if store.stray_twins():
        problems.append("a chunk repeats another that is not indexed")
    return problems + list(_wrong_spans(store))


def _wrong_spans(store: Docstore) -> Iterator[str]:
    for summary in store.document_summaries():
        document = store.document(summary.id)
        for chunk in store.chunks_of(summary.id):
            if document is None or document.text[chunk.start : chunk.end] != chunk.text:
                yield f"chunk {chunk.id} of {summary.uri} is not the text at its span"
