"""A snapshot: documents, vectors and BM25 of one moment, immutable and checksummed.

::

    snapshots/ID/
        documents.sqlite   the truth
        vectors/           derived
        lexical/           derived
        twins.sqlite       derived: what tells chunks that say the same
        manifest.json      written last: what the others were made with, their sizes and checksums

A snapshot without its manifest does not exist. A reader holds the files it opened until it closes them.
``ingest.staging`` makes new ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ingest.collection import Collection
from ingest.docstore import Docstore
from ingest.errors import SnapshotCorruptError
from ingest.lexical import LexicalReader
from ingest.manifest import IndexManifest, read_manifest

if TYPE_CHECKING:
    from ingest.dense import VectorIndex

DOCUMENTS = "documents.sqlite"
VECTORS = "vectors"
LEXICAL = "lexical"
TWINS = "twins.sqlite"


class Snapshot:
    """A published snapshot, open for reading."""

    def __init__(self, directory: Path, manifest: IndexManifest) -> None:
        # Imported when something is searched: an ingest, which does not, need not load FAISS.
        from ingest.dense import open_vectors

        self.manifest = manifest
        self.directory = directory
        self.documents = Docstore(directory / DOCUMENTS)
        dimension = manifest.embedder.dimension
        self.vectors: VectorIndex = open_vectors(directory / VECTORS, dimension, manifest.dense)
        self.words = LexicalReader(directory / LEXICAL)

    @property
    def id(self) -> str:
        return self.manifest.id

    def close(self) -> None:
        """Let go of the files."""
        self.documents.close()


def open_snapshot(home: Path, collection: str) -> Snapshot:
    """Open the current snapshot of a collection for reading.

    Raises:
        CollectionNotFoundError: nothing was published under this name.
        IncompatibleSnapshotError: another version of Troika wrote it.
        SnapshotCorruptError: its files are missing or damaged.
    """
    target = Collection(home, collection)
    while True:
        directory = target.require_current()
        try:
            manifest = read_manifest(directory)
            require_sizes(directory, manifest)
            return Snapshot(directory, manifest)
        except SnapshotCorruptError:
            # A writer that published while this was opened may have deleted it as one too many.
            if target.require_current() == directory:
                raise


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
