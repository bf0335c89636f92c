"""Milvus: what it finds beside FAISS and tantivy, what it keeps, and what is said when it cannot be had."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ingest.choices import StoreKind
from ingest.errors import DatabaseError, SettingsError
from ingest.settings import Settings
from ingest.snapshots.repair import repair_collection
from ingest.stores.choose import drop_collection
from ingest.stores.milvus_client import Milvus
from ingest.stores.milvus_names import names_of, table_name
from ingest.stores.milvus_rows import Part
from ingest.stores.settings import StoreSettings
from tests.ingest.conftest import CountingEmbedder
from tests.ingest.stores.shelf import NAME, Shelf
from tests.ingest.stores.test_stores import FOREST, HANDBOOK, HARBOUR, QUERY, RIVER

ROOT = Path(__file__).parents[3]


@pytest.fixture
def shelf(in_milvus: Settings, words: CountingEmbedder) -> Shelf:
    return Shelf(in_milvus, words)


def rows(shelf: Shelf) -> dict[Part, int]:
    """How many rows Milvus holds of a shelf with one name, whichever snapshots need them."""
    [name] = names_of(shelf.collection)
    with closing(Milvus(shelf.settings.store)) as milvus:
        return {part: milvus.table(table_name(name, part)).count("stage > 0") for part in Part}


def test_what_no_kept_snapshot_needs_is_deleted(shelf: Shelf) -> None:
    keeping = shelf.settings.ingest.model_copy(update={"keep_snapshots": 1})
    shelf = Shelf(shelf.settings.model_copy(update={"ingest": keeping}), shelf.embedder)
    shelf.change([RIVER, HARBOUR])
    assert rows(shelf) == dict.fromkeys(Part, 2)
    shelf.change(forget=[RIVER])
    assert rows(shelf) == dict.fromkeys(Part, 2), "a reader may still hold the snapshot that shows it"
    shelf.change([FOREST])
    assert rows(shelf) == dict.fromkeys(Part, 2)
    shelf.change([RIVER])
    assert rows(shelf) == dict.fromkeys(Part, 3)
    assert shelf.problems() == ()


def test_what_a_run_wrote_that_died_is_deleted(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.change([RIVER])

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ingest.snapshots.collection.Collection.publish", die)
        with pytest.raises(KeyboardInterrupt):
            shelf.change([HARBOUR, FOREST])
    assert rows(shelf) == dict.fromkeys(Part, 3)
    shelf.change([HARBOUR])
    assert rows(shelf) == dict.fromkeys(Part, 2)


def test_a_first_run_that_died_leaves_nothing_after_the_next(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ingest.snapshots.collection.Collection.publish", die)
        with pytest.raises(KeyboardInterrupt):
            shelf.change([RIVER])
    [died] = names_of(shelf.collection)
    shelf.change([RIVER])
    assert len(names_of(shelf.collection)) == 1
    assert died not in names_of(shelf.collection)
    with closing(Milvus(shelf.settings.store)) as milvus, pytest.raises(Exception, match=died):
        milvus.table(table_name(died, Part.CHUNKS))


def test_a_dropped_collection_leaves_nothing(shelf: Shelf) -> None:
    shelf.change([RIVER])
    [name] = names_of(shelf.collection)
    with shelf.collection.writing():
        drop_collection(shelf.collection, shelf.settings.store)
    assert not shelf.collection.directory.exists()
    with closing(Milvus(shelf.settings.store)) as milvus:
        for part in Part:
            with pytest.raises(Exception, match=name):
                milvus.table(table_name(name, part))


@pytest.mark.parametrize("part", list(Part))
def test_rows_that_are_lost_are_noticed_and_made_again(
    shelf: Shelf, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.snapshots.repair.load_embedder", lambda *_: shelf.embedder)  # pyright: ignore
    shelf.change([*HANDBOOK, RIVER])
    before = (shelf.nearest(QUERY), shelf.by_words(QUERY))
    [name] = names_of(shelf.collection)
    with closing(Milvus(shelf.settings.store)) as milvus:
        if part is Part.DOCUMENTS:
            milvus.drop(table_name(name, part))
        else:
            milvus.table(table_name(name, part)).delete("number == 2")
    assert len(shelf.problems()) == 1
    repair_collection(shelf.settings, NAME)
    assert shelf.problems() == ()
    assert (shelf.nearest(QUERY), shelf.by_words(QUERY)) == before


def test_a_damaged_list_of_rows_is_noticed_and_made_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.snapshots.repair.load_embedder", lambda *_: shelf.embedder)  # pyright: ignore
    shelf.change([RIVER])
    path = shelf.collection.require_current() / "rows.json"
    path.write_text(path.read_text().replace("stages", "stagex"))
    assert shelf.problems() == ("rows.json differs from its checksum",)
    repair_collection(shelf.settings, NAME)
    assert shelf.problems() == ()
    assert shelf.by_words("river") == ["The river floods the meadow in spring."]


def test_a_file_that_another_process_has_open_is_named(tmp_path: Path) -> None:
    file = tmp_path / "held.db"
    file.mkdir()
    with (file / "LOCK").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DatabaseError, match=r"held\.db cannot be opened .*one process at a time"):
            Milvus(StoreSettings(kind=StoreKind.MILVUS, uri=str(file)))


def test_a_server_that_cannot_be_reached_is_named() -> None:
    settings = StoreSettings(kind=StoreKind.MILVUS, uri="http://127.0.0.1:9", timeout_seconds=0.5)
    with pytest.raises(DatabaseError, match=r"http://127\.0\.0\.1:9 cannot be opened .*correct store\.uri"):
        Milvus(settings)


def test_a_missing_address_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match=r"store\.uri is not set"):
        Milvus(StoreSettings(kind=StoreKind.MILVUS))


@pytest.mark.slow
@pytest.mark.parametrize("point", ["clear", "write", "publish"])
def test_a_process_that_is_killed_leaves_the_old_snapshot_whole(tmp_path: Path, point: str) -> None:
    def run(action: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.ingest.stores.milvus_writer", str(tmp_path), action]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert run(point).returncode == -signal.SIGKILL
    recovered = run("recover")
    assert recovered.returncode == 0, recovered.stderr
    before, after = json.loads(recovered.stdout)
    assert (before["titles"], before["problems"]) == (["harbour", "river"], [])
    assert (after["titles"], after["problems"]) == (["forest", "harbour"], [])
    assert after["rows"] == [3], "the river is needed by the snapshot before, and nothing else is left"
