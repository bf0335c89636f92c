"""What became of each source since the last run: new, changed, the same, or known to be unreadable.

A source is told by its key: the hash of its content and of what is stated about it from outside. A file
whose size and time of change are those of the last run is not read at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from ingest.document import MetadataValue
from ingest.errors import MetadataError
from ingest.report import Failure
from ingest.snapshots.docstore_rows import Origin
from ingest.snapshots.durable import file_sha256
from ingest.sources.memory import SourceMemory
from ingest.sources.source import SourceBytes, SourceFailure, SourceFile, SourceUnchanged, Stamp

AnySource = SourceFile | SourceBytes | SourceUnchanged | SourceFailure


class Fate(StrEnum):
    """What a run does with a source."""

    ADD = "add"
    UPDATE = "update"
    KEEP = "keep"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Change:
    """A source and its fate. ``sha256`` is of its content, empty where nothing could be read.

    What is to be parsed is at ``path``, or is ``content``. ``failures`` are those of this very content in an
    earlier run, and all there is to a source that failed.
    """

    fate: Fate
    uri: str
    name: str = ""
    path: Path | None = None
    content: bytes | None = None
    sha256: str = ""
    stamp: Stamp = field(default_factory=Stamp)
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict[str, MetadataValue])
    title: str | None = None
    failures: tuple[Failure, ...] = ()

    @property
    def origin(self) -> Origin:
        """What the documents of this source are told by."""
        return Origin(self.uri, source_key(self.sha256, self.metadata))

    @property
    def has_lost_metadata(self) -> bool:
        """Whether what is stated about it from outside cannot be read."""
        codes = {failure.code for failure in self.failures}
        return self.fate is Fate.FAIL and not self.sha256 and MetadataError.code in codes


class Comparison:
    """Compares sources with what a collection holds."""

    def __init__(
        self, known: Mapping[str, str], memory: SourceMemory, parsers: str, *, retry_failed: bool = False
    ) -> None:
        """``known`` maps the addresses of the collection's sources to their keys."""
        self._known = known
        self._memory = memory
        self._parsers = parsers
        self._retry_failed = retry_failed

    def changes(self, sources: Iterable[AnySource]) -> Iterator[Change]:
        """The fate of every source, in order."""
        for source in sources:
            match source:
                case SourceUnchanged():
                    yield Change(Fate.KEEP, source.uri)
                case SourceFailure():
                    failure = Failure.of(source.uri, source.error.code, str(source.error))
                    yield Change(Fate.FAIL, source.uri, failures=(failure,))
                case SourceFile() | SourceBytes():
                    yield self._change(source)

    def _change(self, source: SourceFile | SourceBytes) -> Change:
        sha256 = self._sha256(source)
        key = source_key(sha256, source.metadata)
        failures = () if self._retry_failed else tuple(self._memory.failures(source.uri, key, self._parsers))
        known = self._known.get(source.uri)
        if known == key:
            fate = Fate.UPDATE if self._retry_failed and self._has_failed(source.uri, key) else Fate.KEEP
        elif failures and self._memory.has_failed_wholly(source.uri, key, self._parsers):
            fate = Fate.FAIL
        else:
            fate = Fate.ADD if known is None else Fate.UPDATE
        change = Change(
            fate,
            source.uri,
            source.name,
            sha256=sha256,
            stamp=source.stamp,
            metadata=source.metadata,
            failures=failures,
        )
        if isinstance(source, SourceBytes):
            return replace(change, content=source.content, title=source.title)
        return replace(change, path=source.path) if fate in (Fate.ADD, Fate.UPDATE) else change

    def _has_failed(self, uri: str, key: str) -> bool:
        """Whether a part of a source that was read (a member of an archive, say) was not."""
        return bool(self._memory.failures(uri, key, self._parsers))

    def _sha256(self, source: SourceFile | SourceBytes) -> str:
        if isinstance(source, SourceBytes):
            return hashlib.sha256(source.content).hexdigest()
        known = self._memory.sha256(source.uri, source.stamp)
        if known is not None:
            return known
        try:
            sha256 = file_sha256(source.path)
        except OSError:
            return ""  # the parser says precisely what is wrong with it
        self._memory.remember(source.uri, source.stamp, sha256)
        return sha256


def source_key(sha256: str, metadata: Mapping[str, MetadataValue]) -> str:
    """What tells a version of a source: its content, and what is stated about it from outside."""
    if not metadata:
        return sha256
    stated = json.dumps(dict(metadata), sort_keys=True, ensure_ascii=False)
    return f"{sha256}+{hashlib.sha256(stated.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
