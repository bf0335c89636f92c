"""The document store: what goes in comes out, in order and exactly."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.document import Chunk, Document, Page
from ingest.errors import SnapshotCorruptError
from ingest.snapshots.docstore import ChunkRow, Docstore, Origin, Removal
from ingest.snapshots.docstore_rows import summarize
from tests.small_handbook import chunks_of, small_handbook

DOCUMENTS = [
    replace(
        document,
        pages=(Page(1, 0, 10), Page(2, 10, len(document.text))),
        metadata={"author": "王小明", "tags": ("a", "b"), "year": 2025, "draft": False, "weight": 0.5},
    )
    for document in small_handbook()
]


def origin_of(document: Document) -> Origin:
    return Origin(f"{document.uri}.zip", document.content_sha256)


def rows_of(chunks: list[Chunk], first: int, **same_as: int) -> list[ChunkRow]:
    """The chunks as rows numbered from ``first``; the key of a vector is its chunk's text."""
    return [
        ChunkRow(number, chunk, chunk.text.encode()[:16], same_as.get(f"at_{number}"))
        for number, chunk in enumerate(chunks, first)
    ]


def keep(store: Docstore, document: Document, **same_as: int) -> list[int]:
    """Add a document with its chunks; the numbers they got."""
    rows = rows_of(chunks_of(document), store.next_number(), **same_as)
    store.add(document, origin_of(document), rows)
    return [row.number for row in rows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sealed store of the small handbook."""
    path = tmp_path / "documents.sqlite"
    store = Docstore(path, writable=True)
    for document in DOCUMENTS:
        keep(store, document)
    store.seal()
    store.close()
    return path


def test_documents_come_back_as_they_went_in(path: Path) -> None:
    store = Docstore(path)
    for document in DOCUMENTS:
        assert store.document(document.id) == document
        assert store.document_with_origin(document.id) == (document, origin_of(document))
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
    assert summaries == sorted(
        (summarize(document, origin_of(document)) for document in DOCUMENTS), key=lambda summary: summary.uri
    )
    assert store.document_count() == 3
    assert store.chunk_count() == sum(len(chunks_of(document)) for document in DOCUMENTS)


def test_a_removed_document_takes_its_chunks_along_and_numbers_are_never_given_twice(tmp_path: Path) -> None:
    store = Docstore(tmp_path / "documents.sqlite", writable=True)
    numbers = [keep(store, document) for document in DOCUMENTS]
    assert store.remove(DOCUMENTS[2].id) == Removal(tuple(numbers[2]))
    assert store.remove("absent") == Removal()
    again = keep(store, DOCUMENTS[2])
    assert not set(again) & {number for some in numbers for number in some}
    store.close()


def test_a_twin_is_kept_and_in_no_index_and_found_with_the_chunk_it_repeats(tmp_path: Path) -> None:
    store = Docstore(tmp_path / "documents.sqlite", writable=True)
    first, second = keep(store, DOCUMENTS[0]), keep(store, DOCUMENTS[1], at_6=1)
    assert 6 in second
    assert store.indexed_numbers() == [n for n in (*first, *second) if n != 6]
    assert store.chunk_count() == len(first) + len(second)
    assert store.twins_of(1) == store.chunks_by_number([6])
    assert (store.twins_of(2), store.stray_twins()) == ([], 0)
    store.close()


def test_the_first_twin_is_promoted_when_the_chunk_that_it_repeats_goes(tmp_path: Path) -> None:
    store = Docstore(tmp_path / "documents.sqlite", writable=True)
    first = keep(store, DOCUMENTS[0], at_2=1)
    second, third = keep(store, DOCUMENTS[1], at_6=1), keep(store, DOCUMENTS[2])
    store.add(_copy := replace(DOCUMENTS[2], id="copy", uri="file:///copy"), origin_of(_copy), [])
    assert store.remove(DOCUMENTS[0].id) == Removal(tuple(first), (6,)), "not 2, which goes, too"
    assert store.indexed_numbers() == [*second, *third]
    assert store.stray_twins() == 0
    assert store.remove(DOCUMENTS[1].id) == Removal(tuple(second))
    store.close()


def test_vector_keys_are_of_indexed_chunks_when_they_are_looked_up(tmp_path: Path) -> None:
    store = Docstore(tmp_path / "documents.sqlite", writable=True)
    numbers = [*keep(store, DOCUMENTS[0]), *keep(store, DOCUMENTS[1], at_6=1)]
    keys = store.vector_keys(numbers)
    assert list(keys) == numbers
    assert store.numbers_by_vector_key([keys[1], b"absent"]) == [(keys[1], 1)]
    assert store.numbers_by_vector_key([keys[6]]) == []
    assert len(store.vector_keys(numbers * 200)) == len(numbers)
    store.close()


def test_the_same_document_may_come_from_another_version_of_its_file(tmp_path: Path) -> None:
    store = Docstore(tmp_path / "documents.sqlite", writable=True)
    keep(store, DOCUMENTS[0])
    store.set_origin(DOCUMENTS[0].id, Origin("file:///other.zip", "key"))
    assert store.document_with_origin(DOCUMENTS[0].id) == (DOCUMENTS[0], Origin("file:///other.zip", "key"))
    [summary] = store.document_summaries()
    assert (summary.source_uri, summary.source_key) == ("file:///other.zip", "key")
    store.close()


def test_a_title_made_of_the_name_of_the_file_is_known_as_such(tmp_path: Path) -> None:
    store = Docstore(tmp_path / "documents.sqlite", writable=True)
    named = replace(DOCUMENTS[0], named_by_file=True)
    keep(store, named)
    keep(store, DOCUMENTS[1])
    assert store.named_by_file([named.id, DOCUMENTS[1].id, named.id]) == {
        named.id: True,
        DOCUMENTS[1].id: False,
    }
    store.close()


def test_a_document_whose_chunks_cannot_be_kept_is_not_kept_either(tmp_path: Path) -> None:
    store = Docstore(tmp_path / "documents.sqlite", writable=True)
    chunk = chunks_of(DOCUMENTS[0])[0]
    with pytest.raises(sqlite3.IntegrityError):
        store.add(DOCUMENTS[0], origin_of(DOCUMENTS[0]), rows_of([chunk, chunk], 1))
    assert (store.document_count(), store.chunk_count()) == (0, 0)
    store.close()


def test_a_sealed_store_stands_alone_and_cannot_be_written(path: Path) -> None:
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    before = path.read_bytes()
    store = Docstore(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.add(DOCUMENTS[0], origin_of(DOCUMENTS[0]), [])
    assert path.read_bytes() == before


def test_many_threads_may_read_at_once(path: Path) -> None:
    store = Docstore(path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(store.document, [document.id for document in DOCUMENTS] * 20))
    assert found == DOCUMENTS * 20


@pytest.mark.parametrize("content", [b"no database" * 100, None])
def test_a_damaged_store_is_named(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(SnapshotCorruptError):
        Docstore(path).document_summaries()
