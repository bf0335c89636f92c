"""Where the bytes of a document lie: in a file, among the uploads, or inside of one of these."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

from ingest.document import Document
from ingest.errors import DocumentNotDrawableError, SourceUnavailableError
from ingest.formats import Format, format_of
from ingest.parse import MEMBER_MARK
from ingest.snapshots.docstore_rows import Origin
from ingest.sources.uploads import UPLOAD_SCHEME
from service.jobs.uploads import UploadFolder

_FILE_SCHEME = "file://"


@dataclass(frozen=True, slots=True)
class Place:
    """The files that may hold a document, the best first; ``member`` is its path inside of them, if any."""

    files: tuple[bytes, ...]
    name: str
    member: str


def place_of(home: Path, collection: str, document: Document, origin: Origin) -> Place:
    """Where to look for the bytes of a PDF that ``collection`` holds.

    Raises:
        DocumentNotDrawableError: its name is that of another format.
        SourceUnavailableError: it came from where nothing is kept.
    """
    if format_of(unquote(document.uri)) not in (Format.PDF, None):
        raise DocumentNotDrawableError(f"{document.uri} is no PDF: only pages of PDFs are drawn.")
    name = unquote(origin.uri).rpartition("/")[2]
    member = unquote(document.uri.removeprefix(origin.uri).removeprefix(MEMBER_MARK))
    if origin.uri.startswith(UPLOAD_SCHEME):
        # Another version of it may just be coming in, and the snapshot be still of the one before.
        versions = UploadFolder(home, collection).versions(name)
        files = [os.fsencode(upload.path) for upload in versions]
        return Place(tuple(reversed(files)), name, member)
    if origin.uri.startswith(_FILE_SCHEME):
        file = unquote_to_bytes(origin.uri.removeprefix(_FILE_SCHEME))
        return Place((file,), name, member)
    raise SourceUnavailableError(
        f"{document.uri} was fetched from elsewhere, and only its text is kept: look at it there."
    )
