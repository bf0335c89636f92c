"""What a collection holds, read from the truth of its current snapshot: no index and no model is opened."""

from __future__ import annotations

import logging
from collections.abc import Generator
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from ingest.document import Document
from ingest.errors import DocumentNotFoundError, DocumentNotUploadedError, TroikaError
from ingest.filters.access import may_see
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore import Docstore
from ingest.snapshots.docstore_rows import ListedDocument, Origin
from ingest.snapshots.manifest import IndexManifest, read_manifest
from ingest.snapshots.snapshot import DOCUMENTS
from ingest.sources.metadata import Metadata
from ingest.sources.uploads import UPLOAD_SCHEME

logger = logging.getLogger(__name__)

_MANY = 500


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Some documents of a snapshot, ordered by URI; more follow after the URI ``next``, if it is one."""

    snapshot: str
    documents: tuple[ListedDocument, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class KeptSnapshot:
    """A snapshot that can be gone back to; ``bytes`` counts what it shares with others, too."""

    manifest: IndexManifest
    is_current: bool
    bytes: int


def list_documents(
    home: Path, collection: str, groups: AbstractSet[str], after: str, limit: int
) -> DocumentPage:
    """The first ``limit`` documents after a URI that someone in ``groups`` may see.

    Raises:
        CollectionNotFoundError, SnapshotCorruptError: about the collection.
    """
    found: list[ListedDocument] = []
    with _documents(home, collection) as (snapshot, store):
        while rows := store.listed(after, _MANY):
            after = rows[-1].uri
            found.extend(row for row in rows if may_see(row.metadata, groups))
            if len(found) > limit:
                return DocumentPage(snapshot, tuple(found[:limit]), found[limit - 1].uri)
    return DocumentPage(snapshot, tuple(found), None)


def visible_document(
    home: Path, collection: str, document_id: str, groups: AbstractSet[str]
) -> tuple[Document, Origin]:
    """A document, and the file that it came from.

    Raises:
        CollectionNotFoundError, SnapshotCorruptError: about the collection.
        DocumentNotFoundError: there is none that someone in ``groups`` may see.
    """
    with _documents(home, collection) as (_, store):
        found = store.document_with_origin(document_id)
    if found is None or not may_see(found[0].metadata, groups):
        raise DocumentNotFoundError(
            f"the collection holds no document with id {document_id!r}: GET /v1/documents lists them."
        )
    return found


def uploaded_as(
    home: Path, collection: str, document_id: str, groups: AbstractSet[str]
) -> tuple[str, Metadata]:
    """The name that a document was uploaded under, and its metadata.

    Raises:
        CollectionNotFoundError, SnapshotCorruptError: about the collection.
        DocumentNotFoundError: there is none that someone in ``groups`` may see.
        DocumentNotUploadedError: it came in another way, or as a part of another file.
    """
    document, origin = visible_document(home, collection, document_id, groups)
    if not origin.uri.startswith(UPLOAD_SCHEME):
        raise DocumentNotUploadedError(
            f"{document.uri} was not uploaded, and the next ingest of its source would bring it back: remove "
            "it there, and run `troika ingest --prune`."
        )
    if document.uri != origin.uri:
        raise DocumentNotUploadedError(
            f"{document.uri} is a part of {origin.uri}: delete the whole file, or upload one without it."
        )
    return unquote(origin.uri.removeprefix(UPLOAD_SCHEME)), document.metadata


def kept_snapshots(home: Path, collection: str) -> list[KeptSnapshot]:
    """The snapshots of a collection, the newest first; one that cannot be read is logged and left out.

    Raises:
        CollectionNotFoundError, SnapshotCorruptError: about the collection.
    """
    target = Collection(home, collection)
    current = target.require_current().name
    kept: list[KeptSnapshot] = []
    for folder in reversed(target.published()):
        try:
            manifest = read_manifest(folder)
        except TroikaError as error:
            logger.warning("snapshot %s of %s is left out: %s", folder.name, collection, error)
            continue
        size = sum(size for size, _ in manifest.files.values())
        kept.append(KeptSnapshot(manifest, manifest.id == current, size))
    return kept


@contextmanager
def _documents(home: Path, collection: str) -> Generator[tuple[str, Docstore]]:
    # The snapshot stays while it is read: a writer keeps the ones before the current, too.
    folder = Collection(home, collection).require_current()
    with closing(Docstore(folder / DOCUMENTS)) as store:
        yield folder.name, store
