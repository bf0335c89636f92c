"""Prove that a snapshot's truth, vectors and BM25 agree: by checksum, by count, by number, by span."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ingest.collection import Collection
from ingest.docstore import Docstore
from ingest.errors import SnapshotCorruptError
from ingest.snapshot import IndexManifest, Snapshot, checksums, read_manifest


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found; ``problems`` is empty when everything agrees."""

    collection: str
    snapshot: str
    documents: int
    chunks: int
    problems: tuple[str, ...]


def verify_collection(home: Path, name: str) -> Verification:
    """Check the current snapshot of a collection.

    Raises:
        CollectionNotFoundError: nothing was published under this name.
    """
    directory = Collection(home, name).require_current()
    try:
        manifest = read_manifest(directory)
    except SnapshotCorruptError as error:
        return Verification(name, directory.name, 0, 0, (str(error),))
    try:
        problems = _damaged_files(directory, manifest)
        if not problems:
            with closing(Snapshot(directory, manifest)) as snapshot:
                problems = _disagreements(snapshot)
    except (SnapshotCorruptError, OSError) as error:
        problems = [str(error)]
    return Verification(name, manifest.id, manifest.documents, manifest.chunks, tuple(problems))


def _damaged_files(directory: Path, manifest: IndexManifest) -> list[str]:
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
    manifest, store, vectors = snapshot.manifest, snapshot.documents, snapshot.vectors
    numbers = {number for number, _ in store.numbered_chunks()}
    problems: list[str] = []
    if len(numbers) != manifest.chunks or store.document_count() != manifest.documents:
        problems.append("the manifest and the document store count differently")
    if vectors.dimension != manifest.embedder.dimension:
        problems.append(
            f"the vectors have {vectors.dimension} dimensions, the embedder {manifest.embedder.dimension}"
        )
    if vectors.numbers() != numbers or len(vectors) != len(numbers):
        problems.append("the vectors do not belong to exactly the stored chunks")
    if snapshot.words.numbers() != numbers:
        problems.append("BM25 does not hold exactly the stored chunks")
    return problems + list(_wrong_spans(store))


def _wrong_spans(store: Docstore) -> Iterator[str]:
    for summary in store.document_summaries():
        document = store.document(summary.id)
        for chunk in store.chunks_of(summary.id):
            if document is None or document.text[chunk.start : chunk.end] != chunk.text:
                yield f"chunk {chunk.id} of {summary.uri} is not the text at its span"
