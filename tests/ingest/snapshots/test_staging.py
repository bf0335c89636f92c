"""Staged snapshots: built on another, seen by nobody before they are published, gone when discarded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingest.chunking.chunk import ChunkingSpec
from ingest.document import Document
from ingest.embed import PRESETS
from ingest.settings import ChunkingSettings, DenseSettings
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore import ChunkRow, Origin
from ingest.snapshots.snapshot import open_snapshot
from ingest.snapshots.staging import StagedSnapshot
from ingest.snapshots.verify import verify_collection
from tests.small_handbook import chunks_of, small_handbook

SPEC = replace(PRESETS["minilm"], dimension=4)
CHUNKING = ChunkingSpec.from_settings(ChunkingSettings())
DOCUMENTS = small_handbook()


@pytest.fixture
def target(tmp_path: Path) -> Collection:
    return Collection(tmp_path, "docs")


@contextmanager
def staged_on(target: Collection, base: Path | None) -> Iterator[StagedSnapshot]:
    with target.writing():
        staged = StagedSnapshot(target, SPEC, CHUNKING, DenseSettings(), base)
        try:
            yield staged
        finally:
            staged.discard()


def put(staged: StagedSnapshot, document: Document, *, vectors: bool = True) -> list[int]:
    """Stage a document, each of its chunks with a vector of its own; the numbers of its chunks."""
    first = staged.documents.next_number()
    rows = [
        ChunkRow(number, chunk, str(number).encode(), staged.twin_of(number, chunk, document))
        for number, chunk in enumerate(chunks_of(document), first)
    ]
    staged.add(document, Origin(document.uri, "key"), rows)
    if vectors:
        embed(staged)
    return [row.number for row in rows]


def embed(staged: StagedSnapshot) -> None:
    numbers = staged.unembedded()
    staged.add_vectors(numbers, np.asarray([[n, 1, 0, 0] for n in numbers], dtype=np.float32).reshape(-1, 4))


def renamed(document: Document, name: str) -> Document:
    return replace(document, id=hashlib.md5(name.encode()).hexdigest(), uri=f"file:///{name}")


def test_a_snapshot_is_published_whole(target: Collection) -> None:
    with staged_on(target, None) as staged:
        numbers = [number for document in DOCUMENTS for number in put(staged, document)]
        assert target.current_id() is None
        manifest = staged.publish()
    assert target.current_id() == manifest.id
    assert (manifest.documents, manifest.chunks, manifest.indexed) == (3, len(numbers), len(numbers))
    assert manifest.unembedded == 0
    assert verify_collection(target.home, "docs").problems == ()


def test_what_is_discarded_leaves_nothing(target: Collection) -> None:
    with staged_on(target, None) as staged:
        put(staged, DOCUMENTS[0])
        assert len(list(target.snapshots.iterdir())) == 1
    assert list(target.snapshots.iterdir()) == []
    assert target.current_id() is None


def test_discarding_what_is_current_leaves_it(target: Collection) -> None:
    with staged_on(target, None) as staged:
        put(staged, DOCUMENTS[0])
        staged.publish()
    assert verify_collection(target.home, "docs").problems == ()


def test_what_does_not_change_is_shared_with_the_snapshot_before(target: Collection) -> None:
    with staged_on(target, None) as staged:
        put(staged, DOCUMENTS[0])
        staged.publish()
    old = target.require_current()
    with staged_on(target, old) as staged:
        put(staged, DOCUMENTS[1])
        staged.publish()
    new = target.require_current()
    name = "vectors/0001.vectors.npy"
    assert (new / name).stat().st_ino == (old / name).stat().st_ino
    assert (new / "documents.sqlite").stat().st_ino != (old / "documents.sqlite").stat().st_ino
    with closing(open_snapshot(target.home, "docs")) as snapshot:
        assert snapshot.documents.document_count() == 2
    assert verify_collection(target.home, "docs").problems == ()


def test_a_chunk_without_a_vector_is_counted_and_found_by_its_words(target: Collection) -> None:
    with staged_on(target, None) as staged:
        numbers = put(staged, DOCUMENTS[0], vectors=False)
        assert staged.unembedded() == numbers
        assert staged.publish().unembedded == len(numbers)
    with closing(open_snapshot(target.home, "docs")) as snapshot:
        assert (len(snapshot.vectors), snapshot.words.numbers()) == (0, set(numbers))
    assert verify_collection(target.home, "docs").problems == ()


def test_a_twin_takes_the_place_of_the_chunk_that_it_repeats(target: Collection) -> None:
    copy = renamed(DOCUMENTS[0], "c0b1")
    with staged_on(target, None) as staged:
        first = put(staged, DOCUMENTS[0])
        second = put(staged, copy)
        assert staged.documents.indexed_numbers() == first
        assert staged.remove(DOCUMENTS[0].id) == len(first)
        assert staged.documents.indexed_numbers() == staged.unembedded() == second
        embed(staged)
        manifest = staged.publish()
    assert (manifest.chunks, manifest.indexed, manifest.unembedded) == (len(second),) * 2 + (0,)
    assert verify_collection(target.home, "docs").problems == ()
    with staged_on(target, target.require_current()) as staged:
        chunk = chunks_of(copy)[0]
        assert staged.twin_of(99, chunk, copy) == second[0], "what was promoted has twins again"


def test_who_may_see_a_document_decides_what_its_twins_are(target: Collection) -> None:
    chunk = chunks_of(DOCUMENTS[0])[0]
    staff = replace(DOCUMENTS[0], metadata={"acl": ("staff",)})
    with staged_on(target, None) as staged:
        assert staged.twin_of(1, chunk, DOCUMENTS[0]) is None
        assert staged.twin_of(2, chunk, staff) is None
        assert [staged.twin_of(3, chunk, staff), staged.twin_of(4, chunk, DOCUMENTS[0])] == [2, 1]


def test_what_is_derived_can_be_made_from_the_documents_alone(target: Collection) -> None:
    with staged_on(target, None) as staged:
        for document in DOCUMENTS:
            put(staged, document)
        put(staged, renamed(DOCUMENTS[0], "c0b1"))
        before = staged.publish()
    with target.writing():
        staged = StagedSnapshot(target, SPEC, CHUNKING, DenseSettings(), None, truth=target.require_current())
        try:
            staged.rebuild()
            embed(staged)
            after = staged.publish()
        finally:
            staged.discard()
    assert (after.documents, after.chunks, after.indexed) == (before.documents, before.chunks, before.indexed)
    assert verify_collection(target.home, "docs").problems == ()
