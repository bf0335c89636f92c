"""Collections on disk: names, the pointer, the lock, what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import (
    CollectionBusyError,
    CollectionNameError,
    CollectionNotFoundError,
    SettingsError,
    SnapshotCorruptError,
)
from ingest.snapshots import collection as module
from ingest.snapshots.collection import STAGED_PREFIX, UNPUBLISHED, Collection, list_collections


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """A collection with nothing in it."""
    return Collection(tmp_path, "handbook")


@pytest.mark.parametrize("name", ["default", "a", "Handbook-2.1_b", "0" * 64])
def test_these_names_are_usable(name: str, tmp_path: Path) -> None:
    assert Collection(tmp_path, name).directory.parent == tmp_path / "collections"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../up", "a/b", "a\\b", ".hidden", "-x", "a b", "中文", "a\n", "a" * 65]
)
def test_these_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CollectionNameError, match="is not usable"):
        Collection(tmp_path, name)


def test_a_collection_without_a_snapshot_is_not_there(collection: Collection) -> None:
    assert collection.current_id() is None
    with pytest.raises(
        CollectionNotFoundError, match=r"there are: none.*troika ingest PATH --collection handbook"
    ):
        collection.require_current()


def test_the_missing_collection_names_those_there_are(collection: Collection, tmp_path: Path) -> None:
    collection.snapshots.mkdir(parents=True)
    collection.publish("one")
    with pytest.raises(CollectionNotFoundError, match="there are: handbook"):
        Collection(tmp_path, "other").require_current()


def test_a_home_that_is_no_folder_has_no_collections(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.write_text("")
    assert list_collections(home) == []
    assert Collection(home, "default").current_id() is None
    with pytest.raises(SettingsError, match="set TROIKA_HOME"), Collection(home, "default").writing():
        pass


def test_publishing_moves_the_pointer(collection: Collection, tmp_path: Path) -> None:
    collection.snapshots.mkdir(parents=True)
    collection.publish("one")
    collection.publish("two")
    assert collection.current_id() == "two"
    assert collection.require_current() == collection.snapshots / "two"
    assert list_collections(tmp_path) == ["handbook"]


def test_one_writer_at_a_time(collection: Collection, tmp_path: Path) -> None:
    with collection.writing():
        with (
            pytest.raises(CollectionBusyError, match="'handbook'"),
            Collection(tmp_path, "handbook").writing(),
        ):
            pass
        with Collection(tmp_path, "other").writing():
            pass
    with collection.writing():
        pass


def test_the_lock_is_free_again_after_an_error(collection: Collection) -> None:
    with pytest.raises(ZeroDivisionError), collection.writing():
        raise ZeroDivisionError
    with collection.writing():
        pass


def test_a_writer_clears_away_what_a_crashed_one_staged(collection: Collection) -> None:
    (collection.snapshots / f"{STAGED_PREFIX}x" / "lexical").mkdir(parents=True)
    (collection.snapshots / "one").mkdir()
    with collection.writing():
        assert [path.name for path in collection.snapshots.iterdir()] == ["one"]


def test_the_newest_and_the_current_snapshot_are_kept(collection: Collection) -> None:
    for name in ("1", "2", "3", "4", "5"):
        (collection.snapshots / name).mkdir(parents=True)
    collection.publish("2")
    collection.prune_snapshots(2)
    assert sorted(path.name for path in collection.snapshots.iterdir()) == ["2", "4", "5"]


def test_the_one_that_lacks_but_the_vectors_of_the_next_is_not_among_those_kept(
    collection: Collection,
) -> None:
    for name in ("1", "2", "3"):
        (collection.snapshots / name).mkdir(parents=True)
    collection.publish("3")
    collection.prune_snapshots(2, superseded="2")
    assert [path.name for path in collection.published()] == ["1", "3"]


def test_a_lost_pointer_is_damage_and_not_a_new_collection(collection: Collection) -> None:
    (collection.snapshots / "one").mkdir(parents=True)
    collection.publish("one")
    (collection.directory / "CURRENT").unlink()
    with pytest.raises(SnapshotCorruptError, match="troika collections verify handbook --repair"):
        collection.require_current()
    assert list_collections(collection.home) == ["handbook"]


@pytest.mark.parametrize("name", [f"{STAGED_PREFIX}one", "one"])
def test_what_was_never_current_makes_no_collection(collection: Collection, name: str) -> None:
    (collection.snapshots / name).mkdir(parents=True)
    (collection.snapshots / name / UNPUBLISHED).touch()
    assert collection.current_id() is None
    assert list_collections(collection.home) == []


def test_without_a_pointer_nothing_is_cleared_away_that_may_have_been_current(
    collection: Collection,
) -> None:
    for name in ("one", "two"):
        (collection.snapshots / name).mkdir(parents=True)
    (collection.snapshots / "two" / UNPUBLISHED).touch()
    with collection.writing():
        assert [path.name for path in collection.published()] == ["one", "two"]


def test_a_drop_that_is_interrupted_leaves_no_half_collection(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    (collection.snapshots / "one").mkdir(parents=True)
    collection.publish("one")

    def interrupt(path: Path, **_: object) -> None:
        if path.exists():
            raise KeyboardInterrupt

    with collection.writing(), monkeypatch.context() as patch:
        patch.setattr(module.shutil, "rmtree", interrupt)
        with pytest.raises(KeyboardInterrupt):
            collection.drop()
    assert (collection.current_id(), list_collections(collection.home)) == (None, [])
    with collection.writing():
        assert [path.name for path in collection.directory.parent.iterdir()] == ["handbook"]
        assert collection.published() == []
