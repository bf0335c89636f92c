"""A collection moves between stores: nothing is embedded again, and it finds what it did."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.choices import StoreKind
from ingest.errors import CollectionNotFoundError, SnapshotCorruptError
from ingest.settings import Settings
from ingest.snapshots.migrate import migrate_collection
from ingest.snapshots.repair import roll_back
from tests.ingest.conftest import CountingEmbedder
from tests.ingest.stores.shelf import NAME, Shelf
from tests.ingest.stores.test_stores import FOREST, HANDBOOK, HARBOUR, QUERY, RIVER


def other(kind: StoreKind) -> StoreKind:
    return StoreKind.FAISS if kind is StoreKind.MILVUS else StoreKind.MILVUS


def test_a_collection_finds_the_same_in_the_other_store(either: Settings, counted: CountingEmbedder) -> None:
    """With the real embedder."""
    shelf = Shelf(either, counted)
    shelf.change([*HANDBOOK, RIVER, HARBOUR])
    shelf.change([FOREST], [HARBOUR])
    before = (shelf.nearest(QUERY), shelf.by_words(QUERY))
    counted.forget()
    manifest = migrate_collection(either, NAME, other(either.store.kind))
    assert manifest.store.kind is other(either.store.kind)
    assert (shelf.nearest(QUERY), shelf.by_words(QUERY)) == before
    assert counted.passages == counted.loaded == 0
    assert shelf.problems() == ()
    shelf.change([HARBOUR])
    with shelf.opened() as snapshot:
        assert snapshot.manifest.store.kind is manifest.store.kind, "whatever the setting says"
    assert shelf.by_words("ships wait") == ["Ships wait in the harbour for the tide."]
    assert shelf.problems() == ()


def test_a_migration_can_be_undone(in_milvus: Settings, words: CountingEmbedder) -> None:
    shelf = Shelf(in_milvus, words)
    before = shelf.change([RIVER])
    migrate_collection(in_milvus, NAME, StoreKind.FAISS)
    assert roll_back(in_milvus.home, NAME, store=in_milvus.store) == before
    assert shelf.by_words("river") == ["The river floods the meadow in spring."]
    assert shelf.problems() == ()


def test_a_collection_that_is_there_already_stays_as_it_is(
    in_milvus: Settings, words: CountingEmbedder
) -> None:
    before = Shelf(in_milvus, words).change([RIVER])
    assert migrate_collection(in_milvus, NAME, StoreKind.MILVUS).id == before


def test_what_has_no_vector_yet_has_none_there(in_milvus: Settings, words: CountingEmbedder) -> None:
    shelf = Shelf(in_milvus, words)
    shelf.change([RIVER])
    shelf.change([replace(HARBOUR)], embed=False)
    assert migrate_collection(in_milvus, NAME, StoreKind.FAISS).unembedded == 1
    assert shelf.problems() == ()


def test_a_damaged_collection_is_not_moved(in_milvus: Settings, words: CountingEmbedder) -> None:
    shelf = Shelf(in_milvus, words)
    shelf.change([RIVER])
    (shelf.collection.require_current() / "twins.sqlite").write_bytes(b"")
    with pytest.raises(SnapshotCorruptError, match=r"twins\.sqlite differs .* verify shelf --repair"):
        migrate_collection(in_milvus, NAME, StoreKind.FAISS)


def test_a_missing_collection_is_named(in_milvus: Settings) -> None:
    with pytest.raises(CollectionNotFoundError, match="'shelf'"):
        migrate_collection(in_milvus, NAME, StoreKind.FAISS)
