"""The one place that knows which store a snapshot's vectors and BM25 are in."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

from ingest.choices import StoreKind
from ingest.errors import DatabaseError, MissingExtraError, SettingsError
from ingest.optional import require
from ingest.settings import DenseSettings
from ingest.snapshots.collection import Collection
from ingest.snapshots.manifest import IndexManifest
from ingest.stores.files import FileIndexes, FileVectors, StagedFiles
from ingest.stores.milvus_names import names_of
from ingest.stores.settings import StoreSettings
from ingest.stores.store import Indexes, StagedIndexes, VectorSource

_CLIENT, _EXTRA = "pymilvus", "milvus"


def open_indexes(directory: Path, manifest: IndexManifest, store: StoreSettings) -> Indexes:
    """Open vectors and BM25 of the snapshot in ``directory`` for search.

    Raises:
        SnapshotCorruptError: they are damaged, or not where the manifest says.
        SettingsError, DatabaseError, MissingExtraError: Milvus cannot be reached.
    """
    match manifest.store.kind:
        case StoreKind.FAISS:
            return FileIndexes(directory, manifest)
        case StoreKind.MILVUS:
            require(_CLIENT, extra=_EXTRA)
            from ingest.stores.milvus import MilvusIndexes

            return MilvusIndexes(directory, manifest, store)


def open_vector_source(directory: Path, manifest: IndexManifest, store: StoreSettings) -> VectorSource:
    """Open the vectors of the snapshot in ``directory`` to be read. Raises what ``open_indexes`` does."""
    match manifest.store.kind:
        case StoreKind.FAISS:
            return FileVectors(directory, manifest.embedder.dimension)
        case StoreKind.MILVUS:
            require(_CLIENT, extra=_EXTRA)
            from ingest.stores.milvus import MilvusIndexes

            return MilvusIndexes(directory, manifest, store)


def stage_indexes(
    target: Collection,
    directory: Path,
    dimension: int,
    dense: DenseSettings,
    store: StoreSettings,
    base: tuple[Path, IndexManifest] | None,
) -> StagedIndexes:
    """Begin vectors and BM25 of a snapshot staged in ``directory``: on those of ``base``, where they are, or
    where ``store`` says.

    Raises:
        SnapshotCorruptError: those of ``base`` are damaged.
        SettingsError, DatabaseError, MissingExtraError: Milvus cannot be reached.
    """
    match base[1].store.kind if base else store.kind:
        case StoreKind.FAISS:
            _clear_left(target, store)
            return StagedFiles(directory, dimension, dense, (base[0], base[1].dense) if base else None)
        case StoreKind.MILVUS:
            require(_CLIENT, extra=_EXTRA)
            from ingest.stores.milvus import StagedMilvus

            before = (base[0], base[1].store) if base else None
            return StagedMilvus(target, directory, dimension, store, before)


def drop_collection(target: Collection, store: StoreSettings) -> None:
    """Delete a collection, and what it has in Milvus.

    Raises:
        SettingsError, DatabaseError, MissingExtraError: Milvus cannot be reached, and nothing was deleted.
    """
    names = names_of(target)
    if not names:
        target.drop()
        return
    require(_CLIENT, extra=_EXTRA)
    from ingest.stores.milvus_clearing import drop
    from ingest.stores.milvus_client import Milvus

    with closing(Milvus(store)) as milvus:
        target.drop()
        for name in names:
            drop(milvus, name)


def _clear_left(target: Collection, store: StoreSettings) -> None:
    """Delete what a collection of files left in Milvus, once no kept snapshot needs it; next time, where
    Milvus cannot be reached: an ingest into files does not hang on it."""
    if not names_of(target):
        return
    with suppress(SettingsError, DatabaseError, MissingExtraError):
        require(_CLIENT, extra=_EXTRA)
        from ingest.stores.milvus_clearing import clear_away
        from ingest.stores.milvus_client import Milvus

        with closing(Milvus(store)) as milvus:
            clear_away(target, milvus)
