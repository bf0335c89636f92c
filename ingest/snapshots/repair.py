"""Mend a damaged collection: derive again what is derived, or go back to the last snapshot that is whole."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ingest.chunking.chunk import Chunker
from ingest.embed import Embedder, load_embedder
from ingest.embed_missing import embed_missing
from ingest.errors import SnapshotCorruptError, SnapshotNotFoundError
from ingest.progress import Progress, Silent
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.lineage import earlier_snapshots
from ingest.snapshots.manifest import IndexManifest, read_manifest
from ingest.snapshots.snapshot import DOCUMENTS, VECTORS
from ingest.snapshots.staging import StagedSnapshot
from ingest.snapshots.unfinished import UnfinishedWork
from ingest.snapshots.verify import damaged_files, verify_snapshot
from ingest.stores.milvus_rows import ROWS
from ingest.stores.settings import FILES, StoreSettings
from ingest.vectors.files import is_derived
from ingest.vectors.known import KnownVectors


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done, in a sentence, and the snapshot that is current now."""

    snapshot: str
    done: str


def repair_collection(settings: Settings, name: str, progress: Progress | None = None) -> Repair:
    """Make the collection whole again; nothing happens to one that is.

    Raises:
        CollectionNotFoundError: nothing was published under this name.
        SnapshotCorruptError: its documents are damaged, and so is every snapshot before.
    """
    target = Collection(settings.home, name)
    with target.writing():
        try:
            current = target.require_current()
        except SnapshotCorruptError:  # the pointer itself
            return _go_back(target, None, settings.store)
        if not verify_snapshot(name, current, settings.store).problems:
            return Repair(current.name, "nothing was damaged")
        if _is_truth_whole(current):
            manifest = _derive_again(target, current, settings, progress or Silent())
            return Repair(
                manifest.id, f"vectors and BM25 were made again from the documents of {current.name}"
            )
        return _go_back(target, current if current.is_dir() else None, settings.store)


def _is_truth_whole(directory: Path) -> bool:
    try:
        manifest = read_manifest(directory)
        return not any(DOCUMENTS in problem for problem in damaged_files(directory, manifest))
    except (SnapshotCorruptError, OSError):
        return False


def _derive_again(target: Collection, damaged: Path, settings: Settings, progress: Progress) -> IndexManifest:
    before = read_manifest(damaged)
    loaded: list[tuple[Embedder, Chunker]] = []

    def load() -> tuple[Embedder, Chunker]:
        if not loaded:
            embedder = load_embedder(before.embedder, settings.embedder, target.models)
            loaded.append((embedder, Chunker(embedder, before.chunking)))
        return loaded[0]

    store = settings.store.of_kind(before.store.kind)
    staged = StagedSnapshot(
        target, before.embedder, before.chunking, settings.dense, None, truth=damaged, store=store
    )
    try:
        staged.rebuild()
        with (
            closing(UnfinishedWork(target.make_work() / "repair.sqlite")) as unfinished,
            closing(_known_vectors(damaged, before, unfinished, store)) as known,
        ):
            embed_missing(staged, known, unfinished, load, progress)
            manifest = staged.publish(before.base)
            unfinished.clear()
            return manifest
    finally:
        staged.discard()


def _known_vectors(
    damaged: Path, manifest: IndexManifest, unfinished: UnfinishedWork, store: StoreSettings
) -> KnownVectors:
    """Those of the damaged snapshot, if they can be relied upon."""
    are_whole = not any(
        problem.startswith((VECTORS, ROWS)) and not is_derived(problem.split()[0])
        for problem in damaged_files(damaged, manifest)
    )
    try:
        return KnownVectors((damaged, manifest) if are_whole else None, unfinished, store)
    except SnapshotCorruptError:
        return KnownVectors(None, unfinished)


def _go_back(target: Collection, damaged: Path | None, store: StoreSettings) -> Repair:
    """Publish the last whole snapshot before ``damaged``; the last of all where it is not known which was."""
    candidates = earlier_snapshots(target, damaged.name) if damaged else reversed(target.published())
    lost = f"the documents of {damaged.name} are damaged" if damaged else "the current snapshot is not known"
    for directory in candidates:
        if not verify_snapshot(target.name, directory, store).problems:
            target.publish(directory.name)
            return Repair(
                directory.name,
                f"{lost}; {directory.name}, the last whole one, is current again: ingest the sources once "
                "more for what came since",
            )
    raise SnapshotCorruptError(
        f"the documents of {target.name!r} are damaged and no earlier snapshot is whole: restore "
        f"{target.directory} from a copy, or drop the collection and ingest its sources again."
    )


def roll_back(home: Path, name: str, snapshot_id: str | None = None, store: StoreSettings = FILES) -> str:
    """Make an earlier snapshot current again: what this one was built on, or ``snapshot_id``. Returns its id.

    Raises:
        CollectionNotFoundError: nothing was published under this name.
        SnapshotNotFoundError: there is no such snapshot, or none before.
        SnapshotCorruptError: it is not whole.
    """
    target = Collection(home, name)
    with target.writing():
        current = target.require_current()
        if snapshot_id is None:
            candidates = earlier_snapshots(target, current.name)
        else:
            candidates = [path for path in target.published() if path.name == snapshot_id]
        if not candidates:
            kept = " ".join(path.name for path in target.published())
            raise SnapshotNotFoundError(
                f"{name!r} keeps no snapshot {snapshot_id or 'before ' + current.name}: it keeps {kept}."
            )
        problems = verify_snapshot(name, candidates[0], store).problems
        if problems:
            raise SnapshotCorruptError(
                f"the snapshot {candidates[0].name} is damaged ({problems[0]}): choose another with --to."
            )
        target.publish(candidates[0].name)
        return candidates[0].name
