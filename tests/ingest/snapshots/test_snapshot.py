"""Snapshots: published whole or not at all, immutable, readable for as long as they are open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from ingest.embed import PRESETS
from ingest.errors import (
    CollectionNotFoundError,
    IncompatibleSnapshotError,
    SnapshotCorruptError,
    StorageError,
)
from ingest.settings import IngestSettings, Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.manifest import MANIFEST, read_manifest
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from ingest.snapshots.verify import verify_collection
from tests.ingest.conftest import CountingEmbedder
from tests.ingest.snapshot_tools import COLLECTION, current, ingest_handbook, ingest_note, state

pytestmark = pytest.mark.usefixtures("counted")


def snapshots(settings: Settings) -> list[str]:
    return sorted(path.name for path in Collection(settings.home, COLLECTION).snapshots.iterdir())


def keeping(settings: Settings, snapshots: int) -> Settings:
    return settings.model_copy(update={"ingest": IngestSettings(keep_snapshots=snapshots)})


def read_all(snapshot: Snapshot, counted: CountingEmbedder) -> tuple[object, ...]:
    """All that a reader can ask for."""
    return (
        snapshot.documents.document_summaries(),
        list(snapshot.documents.numbered_chunks()),
        snapshot.vectors.search(counted.embed_query("What is the default rank?"), 50),
        snapshot.words.search("rank adapter 检索", 50),
        snapshot.words.numbers(),
    )


def test_a_snapshot_says_what_it_was_made_with(published: Settings) -> None:
    with closing(open_snapshot(published.home, COLLECTION)) as snapshot:
        manifest = snapshot.manifest
        assert manifest.embedder == PRESETS["minilm"]
        assert (manifest.chunking.max_tokens, manifest.chunking.context_tokens) == (128, 48)
        assert (manifest.lexical.engine, manifest.lexical.k1, manifest.lexical.b) == ("tantivy", 1.2, 0.75)
        assert manifest.documents == snapshot.documents.document_count() == 3
        assert manifest.chunks == snapshot.documents.chunk_count() == len(snapshot.vectors)
        assert snapshot.id == manifest.id == snapshot.directory.name


def test_all_three_parts_find_a_chunk_by_the_same_number(
    published: Settings, counted: CountingEmbedder
) -> None:
    with closing(open_snapshot(published.home, COLLECTION)) as snapshot:
        dense = snapshot.vectors.search(counted.embed_query("What is the default rank of an adapter?"), 1)
        lexical = snapshot.words.search("default rank of an adapter", 1)
        assert dense[0][0] == lexical[0][0]
        [chunk] = snapshot.documents.chunks_by_number([dense[0][0]])
        assert chunk.heading_path == ("Choosing the rank",)


def test_a_missing_collection_is_named(settings: Settings) -> None:
    with pytest.raises(CollectionNotFoundError, match="'absent'"):
        open_snapshot(settings.home, "absent")


def test_reading_changes_nothing(published: Settings, counted: CountingEmbedder) -> None:
    before = state(published.home / "collections")
    with closing(open_snapshot(published.home, COLLECTION)) as snapshot:
        read_all(snapshot, counted)
    assert state(published.home / "collections") == before


def test_an_open_snapshot_is_read_on_after_it_was_replaced_and_deleted(
    published: Settings, counted: CountingEmbedder
) -> None:
    with closing(open_snapshot(published.home, COLLECTION)) as held:
        before = read_all(held, counted)
        for number in range(3):
            ingest_note(keeping(published, 1), number)
        assert not held.directory.exists()
        assert read_all(held, counted) == before
    with closing(open_snapshot(published.home, COLLECTION)) as latest:
        assert latest.documents.document_count() == 6


def test_as_many_snapshots_are_kept_as_asked(published: Settings) -> None:
    for number in range(4):
        ingest_note(keeping(published, 2), number)
    kept = snapshots(published)
    assert len(kept) == 2
    assert current(published).name == kept[-1]


def test_a_new_snapshot_leaves_the_old_one_as_it_was(published: Settings) -> None:
    old = current(published)
    before = state(old)
    ingest_note(published, 1)
    assert current(published) != old
    assert state(old) == before


@pytest.fixture(params=["before the pointer moves", "after the pointer moved"])
def failing_publish(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A disk that fails at the last step."""
    publish = Collection.publish

    def fail(self: Collection, snapshot_id: str) -> None:
        if request.param == "after the pointer moved":
            publish(self, snapshot_id)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Collection, "publish", fail)
    yield request.param
    monkeypatch.undo()


def test_a_publish_that_fails_leaves_one_whole_snapshot(
    published: Settings, failing_publish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = current(published)
    with pytest.raises(StorageError, match="Input/output"):
        ingest_note(published, 1)
    moved = failing_publish == "after the pointer moved"
    assert (current(published) != before) is moved
    assert len(snapshots(published)) == 1 + moved
    assert verify_collection(published.home, COLLECTION).problems == ()


def test_a_failed_first_ingest_leaves_no_collection(
    settings: Settings, counted: CountingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(texts: object) -> None:
        raise MemoryError

    monkeypatch.setattr(counted, "embed_passages", fail)
    with pytest.raises(MemoryError):
        ingest_handbook(settings)
    assert Collection(settings.home, COLLECTION).current_id() is None
    assert snapshots(settings) == []


def test_readers_never_notice_that_snapshots_come_and_go(published: Settings) -> None:
    done = Event()

    def read() -> int:
        reads = 0
        while not done.wait(0.02) or reads == 0:
            with closing(open_snapshot(published.home, COLLECTION)) as snapshot:
                assert len(snapshot.words.search("note rank", 100)) > 0
                assert snapshot.documents.chunk_count() == snapshot.manifest.chunks == len(snapshot.vectors)
            reads += 1
        return reads

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for number in range(8):
                ingest_note(keeping(published, 1), number)
        finally:
            done.set()
        assert all(reader.result() > 0 for reader in readers)


def edit_manifest(directory: Path, **values: Any) -> None:
    path = directory / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")


@pytest.mark.parametrize("values", [{"format": 99}, {"lexical": {"terms_version": 99}}])
def test_a_snapshot_of_another_version_is_refused(published: Settings, values: dict[str, Any]) -> None:
    edit_manifest(current(published), **values)
    with pytest.raises(IncompatibleSnapshotError, match=r"99.*ingest into another collection"):
        open_snapshot(published.home, COLLECTION)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1}', "not json", "\udc00"])
def test_a_damaged_manifest_is_named(published: Settings, content: str) -> None:
    (current(published) / MANIFEST).write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(SnapshotCorruptError, match="the manifest of snapshot"):
        read_manifest(current(published))


@pytest.mark.parametrize(
    "part",
    ["documents.sqlite", "vectors/0001.vectors.npy", "lexical/chunks/meta.json", "twins.sqlite", MANIFEST],
)
@pytest.mark.parametrize("damage", ["missing", "cut off"])
def test_a_missing_or_shortened_file_is_noticed_when_a_snapshot_is_opened(
    published: Settings, part: str, damage: str
) -> None:
    path = current(published) / part
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SnapshotCorruptError):
        open_snapshot(published.home, COLLECTION)
