"""Repair: derived again from the documents, or back to the last whole snapshot, or it says why not."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from ingest.errors import CollectionNotFoundError, SnapshotCorruptError
from ingest.settings import Settings
from ingest.snapshots import repair
from ingest.snapshots.collection import Collection
from ingest.snapshots.lineage import earlier_snapshots
from ingest.snapshots.manifest import MANIFEST
from ingest.snapshots.repair import repair_collection
from ingest.snapshots.snapshot import DOCUMENTS, LEXICAL, TWINS, VECTORS, open_snapshot
from tests.ingest.conftest import CountingEmbedder
from tests.ingest.snapshot_tools import (
    COLLECTION,
    assert_sound,
    chunk_ids,
    current,
    found_by_words,
    ingest_handbook,
    ingest_note,
    state,
    vectors_by_chunk,
)


@pytest.fixture(autouse=True)
def counted_repairs(words: CountingEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "load_embedder", words.load)


@pytest.fixture
def published(settings: Settings) -> Settings:
    """Settings of a home with two snapshots in it."""
    ingest_handbook(settings)
    ingest_note(settings, 1)
    return settings


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()  # a snapshot before may share it
    path.write_bytes(content)


def searched(settings: Settings) -> tuple[object, ...]:
    found = found_by_words(settings, ["rank adapter", "note", "检索"], COLLECTION)
    return chunk_ids(settings, COLLECTION), vectors_by_chunk(settings, COLLECTION), found


def test_nothing_happens_to_what_is_whole(published: Settings, words: CountingEmbedder) -> None:
    before, passages = state(published.home / "collections"), words.passages
    done = repair_collection(published, COLLECTION)
    assert (done.snapshot, done.done) == (current(published).name, "nothing was damaged")
    assert state(published.home / "collections") == before
    assert words.passages == passages


@pytest.mark.parametrize(
    "part", [f"{VECTORS}/0001.vectors.npy", f"{LEXICAL}/chunks/meta.json", TWINS, VECTORS, LEXICAL]
)
def test_what_is_derived_is_made_again_from_the_documents(
    published: Settings, words: CountingEmbedder, part: str
) -> None:
    before = searched(published)
    damaged = current(published)
    if (damaged / part).is_dir():
        shutil.rmtree(damaged / part)
    else:
        damage(damaged / part)
    words.forget()
    done = repair_collection(published, COLLECTION)
    assert done.snapshot == current(published).name != damaged.name
    assert done.done == f"vectors and BM25 were made again from the documents of {damaged.name}"
    assert_sound(published, COLLECTION)
    assert searched(published) == before
    is_lost = VECTORS in part
    assert (words.passages > 0) is is_lost, "vectors that are whole are kept"


@pytest.mark.parametrize("part", [DOCUMENTS, MANIFEST])
def test_the_last_snapshot_that_is_whole_becomes_current_when_the_documents_are_damaged(
    published: Settings, part: str
) -> None:
    damaged = current(published)
    damage(damaged / part)
    [before] = earlier_snapshots(Collection(published.home, COLLECTION), damaged.name)
    done = repair_collection(published, COLLECTION)
    assert done.snapshot == before.name == current(published).name
    assert "ingest the sources once more" in done.done
    assert_sound(published, COLLECTION)
    with closing(open_snapshot(published.home, COLLECTION)) as snapshot:
        assert snapshot.documents.document_count() == 3


def test_what_cannot_be_mended_is_said_and_left_as_it_is(published: Settings) -> None:
    for directory in Collection(published.home, COLLECTION).published():
        damage(directory / DOCUMENTS)
    before = state(published.home / "collections")
    with pytest.raises(SnapshotCorruptError, match="no earlier snapshot is whole"):
        repair_collection(published, COLLECTION)
    assert state(published.home / "collections") == before


def test_the_newest_whole_snapshot_becomes_current_when_the_pointer_is_lost(published: Settings) -> None:
    newest = current(published).name
    (Collection(published.home, COLLECTION).directory / "CURRENT").unlink()
    done = repair_collection(published, COLLECTION)
    assert done.snapshot == newest == current(published).name
    assert "the current snapshot is not known" in done.done
    assert_sound(published, COLLECTION)


def test_a_missing_collection_is_an_error(settings: Settings) -> None:
    with pytest.raises(CollectionNotFoundError):
        repair_collection(settings, "absent")
