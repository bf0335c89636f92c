"""Plans: what an ingest would do is what it then does, and planning does none of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.build import Build
from ingest.pipeline import ingest, plan_ingest
from ingest.plan import Plan
from ingest.request import IngestRequest
from ingest.settings import ChunkingSettings, Settings
from tests.ingest.conftest import CountedParsing, CountingEmbedder
from tests.ingest.snapshot_tools import state

pytestmark = pytest.mark.usefixtures("parsing", "words")


def names(uris: tuple[str, ...]) -> list[str]:
    return [uri.rpartition("/")[2] for uri in uris]


def plan(folder: Path, settings: Settings, *, prune: bool = False, retry_failed: bool = False) -> Plan:
    request = IngestRequest((folder,), prune=prune, retry_failed=retry_failed)
    return plan_ingest(request, "docs", settings)


def change(folder: Path) -> None:
    (folder / "backup.txt").unlink()
    (folder / "lora.md").write_text("# LoRA\n\nA rank of 32 is the default.\n")
    (folder / "new.txt").write_text("New.")


def test_a_plan_says_what_the_ingest_then_does(folder: Path, settings: Settings) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    ingest(IngestRequest((folder,)), "docs", settings)
    change(folder)
    found = plan(folder, settings, prune=True)
    assert (names(found.added), names(found.updated)) == (["new.txt"], ["lora.md"])
    assert (names(found.removed), found.unchanged, found.rebuild) == (["backup.txt"], 1, False)
    assert [failure.code for failure in found.failures] == ["file_broken"]
    report = ingest(IngestRequest((folder,), prune=True), "docs", settings)
    assert (report.added, report.updated, report.removed, report.unchanged) == (1, 1, 1, 1)
    assert report.failures == list(found.failures)


def test_planning_changes_nothing_and_parses_nothing(
    folder: Path, settings: Settings, parsing: CountedParsing, words: CountingEmbedder
) -> None:
    assert len(plan(folder, settings).added) == 3
    assert not (settings.home / "collections").exists()
    assert not (settings.home / "work").exists()
    ingest(IngestRequest((folder,)), "docs", settings)
    change(folder)
    before = state(settings.home)
    parsing.names.clear()
    words.forget()
    plan(folder, settings, prune=True)
    assert state(settings.home) == before
    assert (parsing.names, words.loaded) == ([], 0)


def test_what_vanished_is_removed_only_when_that_is_asked_for(folder: Path, settings: Settings) -> None:
    ingest(IngestRequest((folder,)), "docs", settings)
    change(folder)
    assert plan(folder, settings).removed == ()


def test_what_would_be_withdrawn_is_told(folder: Path, settings: Settings) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "a.txt").write_text("The fee is 50 euro.")
    (folder / "in" / "b.txt").write_text("A rank of 16 is the default.")
    ingest(IngestRequest((folder,)), "docs", settings)
    (folder / "in" / ".meta.json").write_text("{")
    found = plan(folder, settings)
    assert names(found.removed) == ["a.txt", "b.txt"]
    assert [failure.reason.partition(" Until then, ")[2] for failure in found.failures] == [
        "2 that were in are withdrawn."
    ]
    report = ingest(IngestRequest((folder,)), "docs", settings)
    assert (report.removed, report.failures) == (2, list(found.failures))


def test_a_failed_file_is_listed_or_tried_again(folder: Path, settings: Settings) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    ingest(IngestRequest((folder,)), "docs", settings)
    again = plan(folder, settings, retry_failed=True)
    assert (names(again.added), again.failures, again.unchanged) == (["broken.pdf"], (), 3)


def test_a_changed_chunking_is_announced(folder: Path, settings: Settings) -> None:
    ingest(IngestRequest((folder,)), "docs", settings)
    changed = settings.model_copy(update={"chunking": ChunkingSettings(max_tokens=64)})
    found = plan(folder, changed)
    assert (found.rebuild, found.unchanged) == (True, 3)
    assert "  all documents would be cut and embedded anew" in "\n".join(found.lines())


def test_a_plan_is_printed_for_people_and_for_machines(folder: Path, settings: Settings) -> None:
    ingest(IngestRequest((folder,)), "docs", settings)
    change(folder)
    found = plan(folder, settings, prune=True)
    root = folder.as_uri()
    assert found.lines() == [
        f"  + {root}/new.txt",
        f"  ~ {root}/lora.md",
        f"  - {root}/backup.txt",
        "docs: 1 to add, 1 to update, 1 unchanged, 1 to remove, 0 failed",
    ]
    assert found.to_json()["added"] == (f"{root}/new.txt",)


def test_what_met_a_limit_is_parsed_again_under_other_limits(
    folder: Path, settings: Settings, parsing: CountedParsing
) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    (folder / "scan.md").write_text("---\npages_unread_for_time: 3\n---\n\nThe first page.\n")
    for _ in range(2):
        ingest(IngestRequest((folder,)), "docs", settings)
    assert len(parsing.names) == 5
    parsing.names.clear()
    limits = settings.ingest.model_copy(update={"parse_seconds": 600.0})
    patient = settings.model_copy(update={"ingest": limits})
    reports = [ingest(IngestRequest((folder,)), "docs", patient) for _ in range(2)]
    assert parsing.names == ["broken.pdf", "scan.md"]
    assert [(report.updated, report.unchanged) for report in reports] == [(1, 3), (0, 4)]


def test_a_run_that_is_interrupted_after_limits_changed_parses_again_what_it_had_not_published(
    folder: Path, settings: Settings, parsing: CountedParsing, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "scan.md").write_text("---\npages_unread_for_time: 3\n---\n\nThe first page.\n")
    ingest(IngestRequest((folder,)), "docs", settings)
    limits = settings.ingest.model_copy(update={"parse_seconds": 600.0})
    patient = settings.model_copy(update={"ingest": limits})
    with monkeypatch.context() as broken:
        broken.setattr(Build, "publish", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ingest(IngestRequest((folder,)), "docs", patient)
    again = [ingest(IngestRequest((folder,)), "docs", patient).updated for _ in range(2)]
    assert again == [1, 0]
