"""What the process that ingests is told, and the lines of JSON that it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from ingest.settings import Settings


@dataclass(frozen=True, slots=True)
class Assignment:
    """Bring ``collection`` up to date with the uploads in the folder ``uploads``."""

    settings: Settings
    collection: str
    uploads: Path


class Began(msgspec.Struct, frozen=True, tag=True):
    """The run looks at so many sources."""

    sources: int | None


class SourceDone(msgspec.Struct, frozen=True, tag=True):
    """A source was dealt with; so many pages and chunks were added."""

    name: str
    pages: int
    chunks: int


class SourceFailed(msgspec.Struct, frozen=True, tag=True):
    """A source, or a part of one, could not be read."""

    path: str
    code: str
    reason: str


class Embedding(msgspec.Struct, frozen=True, tag=True):
    """So many chunks are to get a vector."""

    chunks: int


class Embedded(msgspec.Struct, frozen=True, tag=True):
    """So many more have one."""

    chunks: int


class SnapshotPublished(msgspec.Struct, frozen=True, tag=True):
    """See ``ingest.progress.Publication``."""

    snapshot: str
    unembedded: int
    bytes: int
    seconds: float


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The run is over. Nothing could be read of the sources with the addresses ``unread``."""

    snapshot: str | None
    unread: tuple[str, ...]


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The run failed, and the collection is as it was."""

    code: str
    reason: str


Report = Began | SourceDone | SourceFailed | Embedding | Embedded | SnapshotPublished | Finished | Refused
End = Finished | Refused

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Report).decode
