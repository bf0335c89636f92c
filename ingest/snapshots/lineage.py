"""What a snapshot was built on, and what that was built on: where going back leads.

Older is not enough: once somebody has gone back, the snapshot before in time is the one that was rejected.
"""

from __future__ import annotations

from pathlib import Path

from ingest.errors import IncompatibleSnapshotError, SnapshotCorruptError
from ingest.snapshots.collection import Collection
from ingest.snapshots.manifest import read_manifest


def earlier_snapshots(target: Collection, snapshot_id: str) -> list[Path]:
    """The folders of the snapshots that this one comes from, the nearest first, then of those older still.

    A snapshot whose manifest does not tell what it was built on was built on the one before it in time.
    """
    published = target.published()
    kept = {path.name: path for path in published}
    line: list[Path] = []
    at = snapshot_id
    while (base := kept.get(_base_of(target, at) or "")) is not None and base not in line:
        line.append(base)
        at = base.name
    return [*line, *(path for path in reversed(published) if path.name < at and path not in line)]


def _base_of(target: Collection, snapshot_id: str) -> str | None:
    try:
        return read_manifest(target.snapshots / snapshot_id).base
    except (SnapshotCorruptError, IncompatibleSnapshotError):
        return None
