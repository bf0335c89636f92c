"""Vectors that need not be computed: those of the snapshot before, and of a run that was interrupted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ingest.embed import EmbedderSpec, Vector
from ingest.snapshots.docstore import Docstore
from ingest.snapshots.manifest import IndexManifest
from ingest.snapshots.snapshot import DOCUMENTS
from ingest.snapshots.unfinished import UnfinishedWork
from ingest.stores.choose import open_vector_source
from ingest.stores.settings import FILES, StoreSettings

_MANY = 500


def vector_key(embedder: EmbedderSpec, text: str) -> bytes:
    """16 bytes that tell what is embedded, and by what."""
    digest = hashlib.sha256(f"{embedder.fingerprint}\n{text}".encode("utf-8", "surrogatepass"))
    return digest.digest()[:16]


class KnownVectors:
    """Finds vectors by ``vector_key``."""

    def __init__(
        self,
        base: tuple[Path, IndexManifest] | None,
        unfinished: UnfinishedWork,
        store: StoreSettings = FILES,
    ) -> None:
        """``base`` is the folder of a published snapshot with its manifest; ``store`` says where Milvus is.

        Raises:
            SnapshotCorruptError: its vectors cannot be read.
            SettingsError, DatabaseError, MissingExtraError: they are in Milvus, which cannot be reached.
        """
        self._unfinished = unfinished
        self._documents: Docstore | None = None
        if base is not None:
            directory, manifest = base
            self._vectors = open_vector_source(directory, manifest, store)
            self._documents = Docstore(directory / DOCUMENTS)

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Vector]:
        """The vectors there are; each of shape (dimension,), float32."""
        found: dict[bytes, Vector] = {}
        for start in range(0, len(keys), _MANY):
            part = list(dict.fromkeys(keys[start : start + _MANY]))
            found.update(self._published(part))
            found.update(self._unfinished.vectors([key for key in part if key not in found]))
        return found

    def _published(self, keys: Sequence[bytes]) -> dict[bytes, Vector]:
        if self._documents is None:
            return {}
        numbered = self._documents.numbers_by_vector_key(keys)
        found = self._vectors.find([number for _, number in numbered])
        return {key: found[number] for key, number in numbered if number in found}

    def close(self) -> None:
        """Let go of files and connections."""
        if self._documents is not None:
            self._documents.close()
            self._vectors.close()
