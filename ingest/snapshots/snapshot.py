"""A snapshot: documents, vectors and BM25 of one moment, immutable and checksummed.

::

    snapshots/ID/
        documents.sqlite   the truth
        vectors/           derived
        lexical/           derived
        rows.json          in place of these two: which rows in Milvus are its own
        twins.sqlite       derived: what tells chunks that say the same
        manifest.json      written last: what the others were made with, their sizes and checksums

A snapshot without its manifest does not exist. A reader holds the files it opened until it closes them.
``ingest.snapshots.staging`` makes new ones.
"""

from __future__ import annotations

from pathlib import Path

from ingest.errors import SnapshotCorruptError, SnapshotNotFoundError
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore import Docstore
from ingest.snapshots.manifest import IndexManifest, read_manifest
from ingest.stores.choose import open_indexes
from ingest.stores.files import LEXICAL, VECTORS
from ingest.stores.settings import FILES, StoreSettings

__all__ = ["DOCUMENTS", "LEXICAL", "TWINS", "VECTORS", "Snapshot", "open_snapshot", "require_sizes"]

DOCUMENTS = "documents.sqlite"
TWINS = "twins.sqlite"


class Snapshot:
    """A published snapshot, open for reading."""

    def __init__(self, directory: Path, manifest: IndexManifest, store: StoreSettings = FILES) -> None:
        self.manifest = manifest
        self.directory = directory
        self.documents = Docstore(directory / DOCUMENTS)
        self._indexes = open_indexes(directory, manifest, store)
        self.vectors = self._indexes.vectors
        self.words = self._indexes.words

    @property
    def id(self) -> str:
        return self.manifest.id

    def vector_numbers(self) -> list[int]:
        """The numbers of all chunks with a vector, with repeats where one is held twice."""
        return self._indexes.vector_numbers()

    def cosine_spread(self) -> float:
        """See ``ingest.vectors.cosine_spread``."""
        return self._indexes.cosine_spread()

    def close(self) -> None:
        """Let go of files and connections."""
        self.documents.close()
        self._indexes.close()


def open_snapshot(
    home: Path, collection: str, store: StoreSettings = FILES, snapshot_id: str | None = None
) -> Snapshot:
    """Open a collection's current snapshot for reading, or the one named; ``store`` says where Milvus is.

    Raises:
        CollectionNotFoundError: nothing was published under this name.
        SnapshotNotFoundError: the snapshot with that id is not kept.
        IncompatibleSnapshotError: another version of Troika wrote it.
        SnapshotCorruptError: its files are missing or damaged.
        SettingsError, DatabaseError, MissingExtraError: it is in Milvus, which cannot be reached.
    """
    target = Collection(home, collection)
    if snapshot_id is not None:
        directory = _kept(target, snapshot_id)
        manifest = read_manifest(directory)
        require_sizes(directory, manifest)
        return _open_whole(directory, manifest, store)
    while True:
        directory = target.require_current()
        try:
            manifest = read_manifest(directory)
            require_sizes(directory, manifest)
            return _open_whole(directory, manifest, store)
        except SnapshotCorruptError:
            # A writer that published while this was opened may have deleted it as one too many.
            if target.require_current() == directory:
                raise


def _kept(collection: Collection, snapshot_id: str) -> Path:
    kept = {path.name: path for path in collection.published()}
    if snapshot_id not in kept:
        raise SnapshotNotFoundError(
            f"the collection {collection.name!r} keeps the snapshots {', '.join(kept) or 'none'}, and not "
            f"{snapshot_id!r}: raise ingest.keep_snapshots to keep more of those to come."
        )
    return kept[snapshot_id]


def _open_whole(directory: Path, manifest: IndexManifest, store: StoreSettings) -> Snapshot:
    snapshot = Snapshot(directory, manifest, store)
    try:
        # Once more: what a writer deletes meanwhile may have been opened in part.
        require_sizes(directory, manifest)
    except SnapshotCorruptError:
        snapshot.close()
        raise
    return snapshot


def require_sizes(directory: Path, manifest: IndexManifest) -> None:
    """Look at the size of every file: cheap enough for each opening, where checksums are not.

    Raises:
        SnapshotCorruptError: a file is missing, or longer or shorter than it was.
    """
    for name, (size, _) in manifest.files.items():
        try:
            found = (directory / name).stat().st_size
        except OSError as error:
            raise SnapshotCorruptError(
                f"{directory / name} cannot be read ({error.strerror}): run `troika collections verify "
                f"{manifest.collection} --repair`."
            ) from error
        if found != size:
            raise SnapshotCorruptError(
                f"{directory / name} has {found} bytes where the manifest says {size}: run `troika "
                f"collections verify {manifest.collection} --repair`."
            )
