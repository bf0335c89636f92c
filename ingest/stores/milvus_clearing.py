"""Delete from Milvus what no kept snapshot of a collection needs; see ``ingest.stores.milvus``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from ingest.errors import IncompatibleSnapshotError, SnapshotCorruptError
from ingest.snapshots.collection import Collection
from ingest.stores.milvus_client import Milvus
from ingest.stores.milvus_names import forget_name, kept_rows, names_of, table_name
from ingest.stores.milvus_rows import Deletion, Part, Rows, SnapshotRows, deletions


def clear_away(target: Collection, milvus: Milvus) -> dict[str, list[SnapshotRows]]:
    """Delete what only deleted snapshots needed, and what a crash left. The caller holds the collection.

    Returns the rows that are needed, by name; nothing, with nothing deleted, where a snapshot cannot say what
    it needs.

    Raises:
        DatabaseError: Milvus failed.
    """
    try:
        kept = kept_rows(target)
    except (SnapshotCorruptError, IncompatibleSnapshotError):
        return {}
    for name in names_of(target):
        if name in kept:
            with suppress(SnapshotCorruptError):  # it is not in Milvus, where there may be another one now
                _clear_rows(milvus, name, kept[name])
        else:
            drop(milvus, name)
            forget_name(target, name)
    return kept


def shared_deletions(kept: Iterable[Rows]) -> frozenset[Deletion]:
    """The deletions in all of these: what they deleted is needed by none."""
    dead = [rows.dead for rows in kept]
    return dead[0].intersection(*dead[1:]) if dead else frozenset()


def drop(milvus: Milvus, name: str) -> None:
    """Delete all that is under ``name``."""
    for part in Part:
        milvus.drop(table_name(name, part))


def _clear_rows(milvus: Milvus, name: str, kept: Sequence[SnapshotRows]) -> None:
    for part in Part:
        table = milvus.table(table_name(name, part))
        rows = [snapshot[part] for snapshot in kept]
        needed = sorted({stage for one in rows for stage in one.stages})
        for expression in [f"stage not in {needed}", *deletions(shared_deletions(rows))]:
            table.delete(expression)
