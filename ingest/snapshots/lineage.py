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
    line = line_of(target, snapshot_id)
    oldest = line[-1].name if line else snapshot_id
    return [
        *line,
        *(path for path in reversed(target.published()) if path.name < oldest and path not in line),
    ]


def line_of(target: Collection, snapshot_id: str) -> list[Path]:
    """The folders of the snapshots that this one comes from, the nearest first, as far as that is known."""
    kept = {path.name: path for path in target.published()}
    line: list[Path] = []
    base = kept.pop(_base_of(target, snapshot_id) or "", None)
    while base is not None:
        line.append(base)
        base = kept.pop(_base_of(target, base.name) or "", None)
    return line


def _base_of(target: Collection, snapshot_id: str) -> str | None:
    try:
        return read_manifest(target.snapshots / snapshot_id).base
    except (SnapshotCorruptError, IncompatibleSnapshotError):
        return None
