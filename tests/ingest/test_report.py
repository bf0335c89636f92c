"""The report of an ingest."""

from __future__ import annotations

import json

from ingest.report import Failure, IngestReport

REPORT = IngestReport(
    collection="handbook",
    snapshot="s1",
    added=1,
    updated=2,
    unchanged=3,
    removed=4,
    chunks_total=5,
    chunks_added=6,
    chunks_removed=7,
    pages=8,
    seconds=1.23456,
    failures=[Failure.of("/docs/a.pdf", "file_encrypted", "asks for a password")],
)


def test_the_json_form_is_the_documented_one() -> None:
    assert REPORT.to_json() == {
        "snapshot": "s1",
        "collection": "handbook",
        "documents": {"added": 1, "updated": 2, "unchanged": 3, "removed": 4, "failed": 1},
        "chunks": {"total": 5, "added": 6, "removed": 7, "unembedded": 0},
        "pages": 8,
        "seconds": 1.235,
        "failures": [{"path": "/docs/a.pdf", "code": "file_encrypted", "reason": "asks for a password"}],
    }


def test_the_summary_is_one_line() -> None:
    assert REPORT.summary() == (
        "handbook: 1 added, 2 updated, 3 unchanged, 4 removed, 1 failed; 5 chunks in snapshot s1 (1.2 s)"
    )
    assert "in snapshot -" in IngestReport("empty").summary()


def test_a_file_name_that_is_no_utf_8_can_be_printed() -> None:
    failure = Failure.of("/docs/\udcff.pdf", "file_broken", "/docs/\udcff.pdf is broken")
    assert failure.path == "/docs/\\udcff.pdf"
    json.dumps([failure.path, failure.reason], ensure_ascii=False).encode("utf-8")
