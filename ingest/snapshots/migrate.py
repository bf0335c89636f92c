"""Move a collection to another store without embedding anything again."""

from __future__ import annotations

from contextlib import closing

from ingest.choices import StoreKind
from ingest.embed_missing import reuse_known
from ingest.errors import SnapshotCorruptError
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.lineage import line_of
from ingest.snapshots.manifest import IndexManifest, read_manifest
from ingest.snapshots.staging import StagedSnapshot
from ingest.snapshots.unfinished import UnfinishedWork
from ingest.snapshots.verify import verify_snapshot
from ingest.vectors.known import KnownVectors


def migrate_collection(settings: Settings, name: str, kind: StoreKind) -> IndexManifest:
    """Publish a snapshot that says what the current one does and has its vectors and BM25 in another store.

    The snapshots before stay where they are, so that going back is `troika collections rollback`. Nothing
    happens to a collection that is there already. Returns the manifest of the snapshot that is current now.

    Raises:
        CollectionNotFoundError: nothing was published under this name.
        SnapshotCorruptError: the current snapshot is damaged, or what was published differs from it.
        SettingsError, DatabaseError, MissingExtraError: Milvus cannot be reached.
    """
    target = Collection(settings.home, name)
    with target.writing():
        current = target.require_current()
        before = read_manifest(current)
        if before.store.kind is kind:
            return before
        _require_sound(settings, name)
        after = _copy(settings, target, before, kind)
        _require_sound(settings, name)
        target.prune_snapshots(settings.ingest.keep_snapshots, line=line_of(target, after.id))
        return after


def _copy(settings: Settings, target: Collection, before: IndexManifest, kind: StoreKind) -> IndexManifest:
    current = target.require_current()
    staged = StagedSnapshot(
        target,
        before.embedder,
        before.chunking,
        settings.dense,
        None,
        truth=current,
        store=settings.store.of_kind(kind),
    )
    try:
        staged.rebuild()
        with (
            closing(UnfinishedWork(target.make_work() / "migration.sqlite")) as unfinished,
            closing(KnownVectors((current, before), unfinished, settings.store)) as known,
        ):
            reuse_known(staged, known)
            return staged.publish(before.id)
    finally:
        staged.discard()


def _require_sound(settings: Settings, name: str) -> None:
    current = Collection(settings.home, name).require_current()
    problems = verify_snapshot(name, current, settings.store).problems
    if problems:
        raise SnapshotCorruptError(
            f"the snapshot {current.name} of {name!r} is damaged ({problems[0]}): run `troika collections "
            f"verify {name} --repair`, or go back with `troika collections rollback {name}`."
        )
