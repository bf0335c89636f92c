"""The document store: what goes in comes out, in order and exactly."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.docstore import ChunkRow, Docstore, Origin
from ingest.document import Page
from ingest.errors import SnapshotCorruptError
from tests.small_handbook import chunks_of, small_handbook

DOCUMENTS = [
    replace(
        document,
        pages=(Page(1, 0, 10), Page(2, 10, len(document.text))),
        metadata={"author": "王小明", "tags": ("a", "b"), "year": 2025, "draft": False, "weight": 0.5},
    )
    for document in small_handbook()
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sealed store of the small handbook."""
    path = tmp_path / "documents.sqlite"
    store = Docstore(path, writable=True)
    for document in DOCUMENTS:
        store.add(document, chunks_of(document))
    store.seal()
    store.close()
    return path


def test_documents_come_back_as_they_went_in_save_for_their_blocks(path: Path) -> None:
    store = Docstore(path)
    for document in DOCUMENTS:
        assert store.document(document.id) == replace(document, blocks=())
    assert store.document("absent") is None


def test_chunks_come_back_as_they_went_in_and_in_the_order_asked_for(path: Path) -> None:
    store = Docstore(path)
    chunks = chunks_of(DOCUMENTS[0])
    assert store.chunks_of(DOCUMENTS[0].id) == chunks
    ids = [chunk.id for chunk in chunks[::-1]]
    assert store.chunks([*ids, "absent"]) == chunks[::-1]
    assert store.chunks([]) == []


def test_chunks_are_found_by_number_however_many(path: Path) -> None:
    store = Docstore(path)
    numbered = dict(store.numbered_chunks())
    asked = list(numbered)[::-1] * 300
    assert store.chunks_by_number(asked) == [numbered[number] for number in asked]
    with pytest.raises(SnapshotCorruptError, match="names a chunk that is not kept"):
        store.chunks_by_number([1, 999])


def test_summaries_are_ordered_by_address(path: Path) -> None:
    store = Docstore(path)
    summaries = store.document_summaries()
    assert summaries == sorted(map(summarize, DOCUMENTS), key=lambda summary: summary.uri)
    assert store.document_count() == 3
    assert store.chunk_count() == sum(len(chunks_of(document)) for document in DOCUMENTS)


def test_a_removed_document_takes_its_chunks_along_and_numbers_are_never_given_twice(tmp_path: Path) -> None:
    store = Docstore(tmp_path / "documents.sqlite", writable=True)
    numbers = [store.add(document, chunks_of(document)) for document in DOCUMENTS]
    assert store.remove(DOCUMENTS[2].id) == numbers[2]
    assert store.remove("absent") == []
    again = store.add(DOCUMENTS[2], chunks_of(DOCUMENTS[2]))
    assert not set(again) & {number for some in numbers for number in some}
    store.close()


def test_a_document_whose_chunks_cannot_be_kept_is_not_kept_either(tmp_path: Path) -> None:
    store = Docstore(tmp_path / "documents.sqlite", writable=True)
    chunk = chunks_of(DOCUMENTS[0])[0]
    with pytest.raises(sqlite3.IntegrityError):
        store.add(DOCUMENTS[0], [chunk, chunk])
    assert (store.document_count(), store.chunk_count()) == (0, 0)
    store.close()


def test_a_sealed_store_stands_alone_and_cannot_be_written(path: Path) -> None:
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    before = path.read_bytes()
    store = Docstore(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.add(DOCUMENTS[0], [])
    assert path.read_bytes() == before


def test_many_threads_may_read_at_once(path: Path) -> None:
    store = Docstore(path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(store.document, [document.id for document in DOCUMENTS] * 20))
    assert found == [replace(document, blocks=()) for document in DOCUMENTS] * 20


@pytest.mark.parametrize("content", [b"no database" * 100, None])
def test_a_damaged_store_is_named(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(SnapshotCorruptError):
        Docstore(path).document_summaries()
