"""Ingest: only what changed is read, one bad file stops nothing, and a crash leaves what was."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.document import Document
from ingest.errors import (
    CollectionBusyError,
    PathNotFoundError,
    SnapshotCorruptError,
)
from ingest.pipeline import ingest_documents, ingest_paths
from ingest.progress import Silent
from ingest.report import Failure, IngestReport
from ingest.settings import ChunkingSettings, EmbedderBackend, EmbedderSettings, Settings
from ingest.snapshots.collection import STAGED_PREFIX, Collection
from ingest.snapshots.manifest import read_manifest
from ingest.snapshots.snapshot import VECTORS, open_snapshot
from tests.ingest.conftest import CountedParsing, CountingEmbedder
from tests.ingest.snapshot_tools import assert_sound, counts, state
from tests.small_handbook import make_document, small_handbook

ROOT = Path(__file__).parents[2]


def ingest(folder: Path, settings: Settings, *, prune: bool = False) -> IngestReport:
    return ingest_paths([folder], "docs", settings, prune=prune)


def texts(settings: Settings) -> list[str]:
    """The text of every chunk."""
    with closing(open_snapshot(settings.home, "docs")) as snapshot:
        return [chunk.text for _, chunk in snapshot.documents.numbered_chunks()]


def titles(settings: Settings) -> list[str]:
    with closing(open_snapshot(settings.home, "docs")) as snapshot:
        return [Path(summary.uri).name for summary in snapshot.documents.document_summaries()]


def test_a_folder_becomes_a_collection(folder: Path, settings: Settings, counted: CountingEmbedder) -> None:
    report = ingest(folder, settings)
    assert counts(report) == (3, 0, 0, 0, 0)
    assert (report.chunks_total, report.chunks_added, report.chunks_removed) == (4, 4, 0)
    assert report.seconds > 0
    assert counted.passages == 4
    assert titles(settings) == ["backup.txt", "lora.md", "rag.md"]
    assert "A rank of 16 is the default." in texts(settings)
    assert_sound(settings)


def test_an_unchanged_folder_costs_nothing(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    first = ingest(folder, settings)
    before = state(settings.home / "collections")
    counted.loaded = counted.passages = 0
    os.utime(folder / "lora.md")
    second = ingest(folder, settings, prune=True)
    assert counts(second) == (0, 0, 3, 0, 0)
    assert (second.snapshot, second.chunks_total, second.chunks_added) == (first.snapshot, 4, 0)
    assert (counted.loaded, counted.passages) == (0, 0)
    assert state(settings.home / "collections") == before


@pytest.mark.usefixtures("parsing")
def test_a_changed_file_replaces_its_chunks_and_no_others(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    first = ingest(folder, settings)
    counted.passages = 0
    (folder / "lora.md").write_text("# LoRA\n\nA rank of 32 is the default.\n", "utf-8")
    second = ingest(folder, settings)
    assert counts(second) == (0, 1, 2, 0, 0)
    assert (second.chunks_total, second.chunks_added, second.chunks_removed) == (3, 1, 2)
    assert second.snapshot != first.snapshot
    assert counted.passages == 1
    assert "A rank of 32 is the default." in texts(settings)
    assert not [text for text in texts(settings) if "16" in text]
    assert_sound(settings)


@pytest.mark.usefixtures("parsing")
def test_a_file_whose_text_stays_the_same_may_change(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    ingest(folder, settings)
    path = folder / "backup.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert counts(ingest(folder, settings)) == (0, 1, 2, 0, 0)
    assert counts(ingest(folder, settings)) == (0, 0, 3, 0, 0)
    assert_sound(settings)


@pytest.mark.usefixtures("parsing")
def test_vanished_files_stay_until_they_are_pruned(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    ingest(folder, settings)
    (folder / "backup.txt").unlink()
    assert counts(ingest(folder, settings)) == (0, 0, 2, 0, 0)
    assert "backup.txt" in titles(settings)
    counted.loaded = 0
    report = ingest(folder, settings, prune=True)
    assert counts(report) == (0, 0, 2, 1, 0)
    assert (report.chunks_total, report.chunks_removed) == (3, 1)
    assert titles(settings) == ["lora.md", "rag.md"]
    assert counted.loaded == 0
    assert_sound(settings)


@pytest.mark.usefixtures("parsing")
def test_pruning_reaches_no_further_than_the_given_paths(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    ingest(folder, settings)
    ingest_documents(small_handbook()[:1], "docs", settings)
    (folder / "backup.txt").unlink()
    (folder / "zh" / "rag.md").unlink()
    assert counts(ingest(folder / "zh", settings, prune=True)) == (0, 0, 0, 1, 0)
    assert titles(settings) == ["lora.md", "backup.txt", "lora.md"]


@pytest.mark.usefixtures("parsing")
def test_everything_may_be_pruned(folder: Path, settings: Settings, counted: CountingEmbedder) -> None:
    ingest(folder, settings)
    for path in folder.rglob("*.*"):
        path.unlink()
    report = ingest(folder, settings, prune=True)
    assert (report.removed, report.chunks_total) == (3, 0)
    assert_sound(settings)


def test_one_bad_file_stops_no_other_and_keeps_its_old_version(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    ingest(folder, settings)
    (folder / "lora.md").write_bytes(b"")
    (folder / "new.txt").write_text("A new file.", "utf-8")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    (folder / "table.xyz").write_text("1,2,3")
    report = ingest(folder, settings, prune=True)
    assert counts(report) == (1, 0, 2, 0, 3)
    assert {Path(failure.path).name: failure.code for failure in report.failures} == {
        "lora.md": "file_empty",
        "broken.pdf": "file_broken",
        "table.xyz": "format_unknown",
    }
    assert all(failure.reason.startswith(failure.path) for failure in report.failures)
    assert "A rank of 16 is the default." in texts(settings)
    assert "A new file." in texts(settings)
    assert_sound(settings)


def test_nothing_but_bad_files_make_no_collection(
    tmp_path: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "empty.md").write_bytes(b"")
    report = ingest(tmp_path / "bad", settings)
    assert (report.snapshot, report.chunks_total, len(report.failures)) == (None, 0, 1)
    assert Collection(settings.home, "docs").current_id() is None


def test_a_file_name_of_any_bytes_is_ingested_or_listed(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    (folder / os.fsdecode(b"\xff good.md")).write_text("Good.")
    (folder / os.fsdecode(b"\xff bad.md")).write_text("")
    report = ingest(folder, settings)
    assert counts(report) == (4, 0, 0, 0, 1)
    assert "\\udcff bad.md" in report.failures[0].path
    assert counts(ingest(folder, settings)) == (0, 0, 4, 0, 1)


@pytest.mark.usefixtures("parsing")
def test_a_folder_that_cannot_be_read_is_listed_and_nothing_of_it_is_pruned(
    folder: Path, settings: Settings, counted: CountingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(folder, settings)
    scan = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("zh"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = ingest(folder, settings, prune=True)
    assert counts(report) == (0, 0, 2, 0, 1)
    assert report.failures[0].code == "file_unreadable"
    assert "rag.md" in titles(settings)


def test_a_missing_path_leaves_the_collection_alone(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    with pytest.raises(PathNotFoundError):
        ingest_paths([folder, folder / "absent"], "docs", settings)
    assert not (settings.home / "collections").exists()


@pytest.mark.usefixtures("parsing")
def test_a_second_ingest_is_refused_while_one_runs(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    ingest(folder, settings)
    before = state(settings.home / "collections")
    with Collection(settings.home, "docs").writing(), pytest.raises(CollectionBusyError):
        ingest(folder, settings)
    assert state(settings.home / "collections") == before


@pytest.mark.parametrize(
    "changed",
    [
        {"chunking": ChunkingSettings(max_tokens=32)},
        {"embedder": EmbedderSettings(backend=EmbedderBackend.SENTENCE_TRANSFORMERS)},
    ],
)
def test_another_embedder_or_chunking_makes_a_new_snapshot_beside_the_old_one_and_switches(
    folder: Path,
    settings: Settings,
    counted: CountingEmbedder,
    parsing: CountedParsing,
    changed: dict[str, object],
) -> None:
    ingest(folder, settings)
    old = Collection(settings.home, "docs").require_current()
    before = state(old)
    (folder / "backup.txt").unlink()
    parsing.names.clear()
    counted.forget()
    report = ingest(folder, settings.model_copy(update=changed))
    assert counts(report) == (0, 0, 2, 0, 0)
    assert parsing.names == [], "what is kept of the documents is cut anew, and nothing is read"
    assert titles(settings) == ["backup.txt", "lora.md", "rag.md"], "files that vanished are carried over"
    assert counted.passages == (4 if "embedder" in changed else 0)
    new = Collection(settings.home, "docs").require_current()
    assert new != old
    assert state(old) == before
    assert (read_manifest(new).embedder, read_manifest(new).chunking) != (
        read_manifest(old).embedder,
        read_manifest(old).chunking,
    )
    assert_sound(settings)
    assert counts(ingest(folder, settings.model_copy(update=changed))) == (0, 0, 2, 0, 0)
    assert Collection(settings.home, "docs").require_current() == new


@pytest.mark.usefixtures("parsing")
def test_settings_that_change_no_vector_may_change(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    ingest(folder, settings)
    faster = settings.model_copy(update={"embedder": EmbedderSettings(batch_size=64, threads=1)})
    assert counts(ingest(folder, faster)) == (0, 0, 3, 0, 0)


@pytest.mark.usefixtures("parsing")
def test_a_damaged_collection_is_not_built_upon(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    ingest(folder, settings)
    before = Collection(settings.home, "docs").require_current()
    shutil.rmtree(before / VECTORS)
    with pytest.raises(SnapshotCorruptError, match="collections verify docs --repair"):
        ingest(folder, settings)
    assert Collection(settings.home, "docs").require_current() == before


def test_documents_made_in_memory_are_compared_by_their_content(
    settings: Settings, counted: CountingEmbedder
) -> None:
    documents = small_handbook()
    assert counts(ingest_documents(documents, "docs", settings)) == (3, 0, 0, 0, 0)
    changed = replace(make_document("lora.md", "Fine-tuning guide", "Short."), content_sha256="1" * 64)
    assert counts(ingest_documents([changed, *documents[1:]], "docs", settings)) == (0, 1, 2, 0, 0)
    assert "Short." in texts(settings)


def test_of_two_documents_with_one_address_the_later_stays(
    settings: Settings, counted: CountingEmbedder
) -> None:
    first = replace(make_document("a.md", "A", "First."), content_sha256="1" * 64)
    second = replace(make_document("a.md", "A", "Second."), content_sha256="2" * 64)
    assert counts(ingest_documents([first, second], "docs", settings)) == (1, 1, 0, 0, 0)
    assert texts(settings) == ["Second."]
    assert_sound(settings)


@pytest.mark.usefixtures("parsing")
def test_an_error_in_the_middle_leaves_the_collection_as_it_was(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    ingest(folder, settings)
    before = state(settings.home / "collections")

    def documents() -> Iterable[Document]:
        yield make_document("new.md", "New", "New.")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest_documents(documents(), "docs", settings)
    assert state(settings.home / "collections") == before


def test_progress_hears_of_every_file_and_failure(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    heard: list[str] = []

    class Listener(Silent):
        def start(self, sources: int | None) -> None:
            heard.append(str(sources))

        def advance(self, name: str, pages: int = 0, chunks: int = 0) -> None:
            heard.append(f"{name} {chunks}")

        def failed(self, failure: Failure) -> None:
            heard.append(failure.code)

    (folder / "empty.md").write_bytes(b"")
    ingest_paths([folder], "docs", settings, progress=Listener())
    assert heard == ["4", "backup.txt 1", "file_empty", "empty.md 0", "lora.md 2", "rag.md 1"]


def test_an_ingest_that_is_killed_leaves_the_old_snapshot_and_the_next_one_succeeds(
    folder: Path, settings: Settings, counted: CountingEmbedder
) -> None:
    ingest(folder, settings)
    before = state(settings.home / "collections")
    for number in range(100):
        (folder / f"more-{number:03}.md").write_text(f"# Note {number}\n\n{'Some more text. ' * 30}\n")
    collection = Collection(settings.home, "docs")
    killed = start_ingest(folder, settings)
    wait_for_staging(collection, killed)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert list(collection.snapshots.glob(f"{STAGED_PREFIX}*"))
    now = state(settings.home / "collections")
    assert {name: now[name] for name in before} == before
    assert titles(settings) == ["backup.txt", "lora.md", "rag.md"]
    assert_sound(settings)

    for path in folder.glob("more-*[1-9].md"):
        path.unlink()
    assert counts(ingest(folder, settings)) == (10, 0, 3, 0, 0)
    assert not list(collection.snapshots.glob(f"{STAGED_PREFIX}*"))
    assert_sound(settings)


def start_ingest(folder: Path, settings: Settings) -> subprocess.Popen[bytes]:
    """``troika ingest`` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "troika", "ingest", str(folder), "--collection", "docs"],
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TROIKA_HOME": str(settings.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for_staging(collection: Collection, process: subprocess.Popen[bytes]) -> None:
    """Return as soon as the process has staged its first documents."""
    deadline = time.monotonic() + 60
    while not list(collection.snapshots.glob(f"{STAGED_PREFIX}*/documents.sqlite-wal")):
        assert process.poll() is None, "the ingest ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
