"""One thing to ingest: a file on disk, bytes that were fetched, or the word that nothing changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest.document import MetadataValue
from ingest.errors import ParseError


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells an unchanged source without reading it; None and "" are unknown.

    ``size`` is in bytes, ``modified_ns`` in nanoseconds since 1970.
    """

    size: int | None = None
    modified_ns: int | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A regular file on disk; ``uri`` is its absolute ``file:`` address.

    ``metadata`` is what is stated about it from outside (see ``ingest.sources.metadata``).
    """

    place: str
    uri: str
    stamp: Stamp = field(default_factory=Stamp)
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict[str, MetadataValue])

    @property
    def name(self) -> str:
        """Its last part."""
        return os.path.basename(self.place)  # noqa: PTH119 - of a string, since there are many

    @property
    def path(self) -> Path:
        """Where it is; made when asked for, since most files did not change and are not looked into."""
        return Path(self.place)


@dataclass(frozen=True, slots=True)
class SourceBytes:
    """What was fetched from elsewhere: a web page, a row of a database.

    The suffix of ``name`` tells the format; a name without one leaves it to the content.
    """

    uri: str
    name: str
    content: bytes
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict[str, MetadataValue])
    title: str | None = None
    stamp: Stamp = field(default_factory=Stamp)


@dataclass(frozen=True, slots=True)
class SourceUnchanged:
    """A source that is as it was when it got the stamp that was shown."""

    uri: str


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """A source that cannot be read, and why; what was known of it stays."""

    uri: str
    error: ParseError
