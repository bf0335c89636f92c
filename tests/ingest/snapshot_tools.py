"""Small collections and small damages, shared by the tests of snapshots."""

from __future__ import annotations

import json
from pathlib import Path

from ingest.collection import Collection
from ingest.pipeline import ingest_documents
from ingest.report import IngestReport
from ingest.settings import Settings
from ingest.manifest import MANIFEST, checksums
from tests.small_handbook import make_document, small_handbook

COLLECTION = "handbook"


def ingest_handbook(settings: Settings) -> IngestReport:
    """The three documents of the small handbook, in a collection."""
    return ingest_documents(small_handbook(), COLLECTION, settings)


def ingest_note(settings: Settings, number: int) -> IngestReport:
    """One more document, so that a new snapshot is published."""
    note = make_document(f"note-{number}.md", "Note", f"# Note\n\nThis is note number {number}.\n")
    return ingest_documents([note], COLLECTION, settings)


def current(settings: Settings) -> Path:
    """The folder of the current snapshot."""
    return Collection(settings.home, COLLECTION).require_current()


def reseal(directory: Path) -> None:
    """Let the manifest state the checksums of the files as they are now, as a forger would."""
    path = directory / MANIFEST
    manifest = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(manifest | {"files": checksums(directory)}), "utf-8")


def state(directory: Path) -> dict[str, bytes]:
    """Every file below ``directory`` with its content, locks aside."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.endswith("lock")
    }
