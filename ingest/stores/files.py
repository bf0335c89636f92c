"""The store of files: FAISS and tantivy in the folder of the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingest.embed import Vector
from ingest.lexical.bm25 import clone_lexical, open_lexical, stage_lexical
from ingest.settings import DenseSettings
from ingest.snapshots.manifest import IndexManifest
from ingest.stores.spec import StoreSpec
from ingest.stores.store import Stored
from ingest.vectors.build import derive_index
from ingest.vectors.cosine_spread import cosine_spread
from ingest.vectors.segments import DenseWriter, SegmentReader, vector_numbers
from ingest.vectors.spec import DenseSpec

VECTORS = "vectors"
LEXICAL = "lexical"


class FileVectors:
    """A ``VectorSource``; it does not load FAISS."""

    def __init__(self, directory: Path, dimension: int) -> None:
        """Open the vectors of the snapshot in ``directory``.

        Raises:
            SnapshotCorruptError: a file cannot be read, or is something else.
        """
        self._segments = SegmentReader(directory / VECTORS, dimension)

    def find(self, numbers: Sequence[int]) -> dict[int, Vector]:
        """See ``VectorSource``."""
        held = [number for number in numbers if number in self._segments]
        return dict(zip(held, self._segments.vectors(held), strict=True))

    def close(self) -> None:
        """See ``VectorSource``; the files close by themselves."""


class FileIndexes:
    """``Indexes`` over files."""

    def __init__(self, directory: Path, manifest: IndexManifest) -> None:
        """Open those of the snapshot in ``directory``.

        Raises:
            SnapshotCorruptError: the files cannot be read, or are something else.
        """
        # Imported when something is searched: an ingest, which does not, need not load FAISS.
        from ingest.vectors.dense import open_vectors

        self._directory = directory / VECTORS
        self._dimension = manifest.embedder.dimension
        self.vectors = open_vectors(self._directory, self._dimension, manifest.dense)
        self.words = open_lexical(directory / LEXICAL)
        self._cosine_spread = cosine_spread(self._directory, self._dimension)

    def vector_numbers(self) -> list[int]:
        """See ``Indexes``."""
        return vector_numbers(self._directory)

    def cosine_spread(self) -> float:
        """See ``Indexes``."""
        return self._cosine_spread

    def close(self) -> None:
        """See ``Indexes``; the files close by themselves."""


class StagedFiles:
    """``StagedIndexes`` in the folder of a staged snapshot: what does not change is linked from ``base``."""

    def __init__(
        self,
        directory: Path,
        dimension: int,
        settings: DenseSettings,
        base: tuple[Path, DenseSpec] | None,
    ) -> None:
        self._directory = directory / VECTORS
        self._dimension = dimension
        self._settings = settings
        self._before = base[1] if base else None
        if base:
            clone_lexical(base[0] / LEXICAL, directory / LEXICAL)
        self.vectors = DenseWriter(self._directory, dimension, base[0] / VECTORS if base else None)
        self.words = stage_lexical(directory / LEXICAL)

    def save(self) -> Stored:
        """See ``StagedIndexes``."""
        self.words.commit()
        self.vectors.save()
        dense = derive_index(self._directory, self._dimension, self._settings, self._before)
        return Stored(StoreSpec(), dense, "tantivy")

    def abandon(self) -> None:
        """See ``StagedIndexes``."""
        self.words.abandon()
