"""Small collections and small damages, shared by the tests of snapshots."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from ingest.pipeline import ingest_documents
from ingest.report import IngestReport
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.manifest import checksums, read_manifest, write_manifest
from ingest.snapshots.snapshot import open_snapshot
from ingest.snapshots.verify import verify_collection
from tests.small_handbook import make_document, small_handbook

COLLECTION = "handbook"


def ingest_handbook(settings: Settings) -> IngestReport:
    """The three documents of the small handbook, in a collection."""
    return ingest_documents(small_handbook(), COLLECTION, settings)


def ingest_note(settings: Settings, number: int) -> IngestReport:
    """One more document, so that a new snapshot is published."""
    note = make_document(f"note-{number}.md", "Note", f"# Note\n\nThis is note number {number}.\n")
    return ingest_documents([note], COLLECTION, settings)


def current(settings: Settings) -> Path:
    """The folder of the current snapshot."""
    return Collection(settings.home, COLLECTION).require_current()


def reseal(directory: Path) -> None:
    """Let the manifest state the checksums of the files as they are now, as a forger would."""
    write_manifest(directory, replace(read_manifest(directory), files=checksums(directory)))


def state(directory: Path) -> dict[str, bytes]:
    """Every file below ``directory`` with its content, locks aside."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.endswith("lock")
    }


def counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    """Added, updated, unchanged, removed, failed."""
    return (report.added, report.updated, report.unchanged, report.removed, len(report.failures))


def assert_sound(settings: Settings, collection: str = "docs") -> None:
    """Truth, vectors and BM25 agree."""
    assert verify_collection(settings.home, collection).problems == ()


def places_by_text(settings: Settings, collection: str = "docs") -> dict[str, list[str]]:
    """The text of every indexed chunk with the addresses of all documents that say it."""
    with closing(open_snapshot(settings.home, collection)) as snapshot:
        store = snapshot.documents
        numbers = store.indexed_numbers()
        found: dict[str, list[str]] = {}
        for number, chunk in zip(numbers, store.chunks_by_number(numbers), strict=True):
            uris = [chunk.uri, *(twin.uri for twin in store.twins_of(number))]
            found.setdefault(chunk.text, []).extend(sorted(uris))
        return found


def chunk_ids(settings: Settings, collection: str = "docs") -> set[str]:
    """The ids of all chunks."""
    with closing(open_snapshot(settings.home, collection)) as snapshot:
        return {chunk.id for _, chunk in snapshot.documents.numbered_chunks()}


def found_by_words(settings: Settings, queries: Iterable[str], collection: str = "docs") -> list[list[str]]:
    """The ids of the chunks that BM25 finds for each query, sorted; the scores of equals are equal."""
    with closing(open_snapshot(settings.home, collection)) as snapshot:
        return [
            sorted(
                chunk.id
                for chunk in snapshot.documents.chunks_by_number(
                    [number for number, _ in snapshot.words.search(query, 50)]
                )
            )
            for query in queries
        ]


def vectors_by_chunk(settings: Settings, collection: str = "docs") -> dict[str, tuple[float, ...]]:
    """The cosine of every embedded chunk to a few directions, by the chunk's id."""
    with closing(open_snapshot(settings.home, collection)) as snapshot:
        dimension = snapshot.vectors.dimension
        found: dict[str, list[float]] = {}
        for seed in range(4):
            direction = np.random.default_rng(seed).normal(size=dimension).astype(np.float32)
            hits = snapshot.vectors.search(direction, max(1, len(snapshot.vectors)))
            chunks = snapshot.documents.chunks_by_number([number for number, _ in hits])
            for chunk, (_, score) in zip(chunks, hits, strict=True):
                found.setdefault(chunk.id, []).append(round(score, 4))
        return {key: tuple(scores) for key, scores in found.items()}
