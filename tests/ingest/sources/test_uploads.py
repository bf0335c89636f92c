from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.errors import MetadataError, PathNotFoundError
from ingest.pipeline import ingest
from ingest.request import IngestRequest
from ingest.settings import Settings
from ingest.snapshots.snapshot import open_snapshot
from ingest.sources.source import SourceFailure
from ingest.sources.uploads import UploadedFiles, upload_address


def put(folder: Path, upload_id: str, name: str, text: str, metadata: str = "{}") -> Path:
    (folder / upload_id).mkdir(parents=True)
    (folder / upload_id / f"{name}.meta.json").write_text(metadata)
    path = folder / upload_id / name
    path.write_text(text)
    return path


def test_an_address_tells_the_name_alone_and_the_last_upload_counts(tmp_path: Path) -> None:
    put(tmp_path, "02", "报告 1.md", "new", '{"acl": ["hr"]}')
    put(tmp_path, "01", "报告 1.md", "old")
    put(tmp_path, ".jobs", "waiting.md", "later")
    (source,) = UploadedFiles(tmp_path).sources
    assert source.uri == upload_address("报告 1.md") == "upload:///%E6%8A%A5%E5%91%8A%201.md"
    assert getattr(source, "path", Path()).read_text() == "new"
    assert getattr(source, "metadata", {}) == {"acl": ("hr",)}


def test_a_file_with_unreadable_metadata_fails_under_its_address(tmp_path: Path) -> None:
    put(tmp_path, "01", "a.md", "text", "no JSON")
    (source,) = UploadedFiles(tmp_path).sources
    assert isinstance(source, SourceFailure)
    assert isinstance(source.error, MetadataError)
    assert source.uri == "upload:///a.md"


def test_only_uploads_are_covered_and_none_while_a_folder_is_unreadable(tmp_path: Path) -> None:
    put(tmp_path, "01", "a.md", "text")
    uploads = UploadedFiles(tmp_path)
    assert uploads.covers("upload:///gone.md")
    assert not uploads.covers("file:///gone.md")
    (tmp_path / "01" / ".troikaignore").mkdir()
    assert not UploadedFiles(tmp_path).covers("upload:///gone.md")
    with pytest.raises(PathNotFoundError):
        UploadedFiles(tmp_path / "none")


@pytest.mark.usefixtures("counted", "parsing")
def test_uploads_stand_beside_other_sources_and_may_all_go(tmp_path: Path, settings: Settings) -> None:
    folder, docs = tmp_path / "uploads", tmp_path / "docs"
    docs.mkdir()
    (docs / "kept.md").write_text("# Kept\n\nThis came from a folder.")
    uploaded = put(folder, "01", "note.md", "# Note\n\nThis was uploaded.", json.dumps({"year": 2026}))
    broken = put(folder, "02", "broken.pdf", "%PDF-1.7 no")
    ingest(IngestRequest(paths=(docs,)), "docs", settings)
    report = ingest(IngestRequest(uploads=folder, prune=True), "docs", settings)
    assert (report.added, report.removed, report.unread) == (1, 0, ["upload:///broken.pdf"])
    assert [failure.path for failure in report.failures] == ["upload:///broken.pdf"]
    assert ingest(IngestRequest(uploads=folder, prune=True), "docs", settings).unread == report.unread
    snapshot = open_snapshot(settings.home, "docs")
    by_uri = {row.uri: row for row in snapshot.documents.listed("", 10)}
    snapshot.close()
    assert sorted(by_uri) == [(docs / "kept.md").as_uri(), "upload:///note.md"]
    assert by_uri["upload:///note.md"].metadata == {"year": 2026}
    assert by_uri["upload:///note.md"].chunks == 1
    for path in (uploaded, broken, docs / "kept.md"):
        path.unlink()
    assert ingest(IngestRequest(uploads=folder, prune=True), "docs", settings).removed == 1
    emptied = ingest(IngestRequest(paths=(docs,), prune=True), "docs", settings)
    assert (emptied.removed, emptied.chunks_total) == (1, 0)
