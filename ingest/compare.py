"""What became of each source since the last run: new, changed, the same, or known to be unreadable.

A source is told by its key: the hash of its content and of what is stated about it from outside. A file
whose size and time of change are those of the last run is not read at all. A source that is the same is
parsed again where other parsers, or other limits, may make something else of it.
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
from ingest.formats import suffix_of
from ingest.parse_fingerprint import ParseFingerprint
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
    """A source and its fate. ``sha256`` is of its content, empty where nothing could be read; ``key`` tells
    this version of it, see ``source_key``.

    What is to be parsed is at ``path``, or is ``content``. ``failures`` are those of this very content in an
    earlier run, and all there is to a source that failed.
    """

    fate: Fate
    uri: str
    name: str = ""
    path: Path | None = None
    content: bytes | None = None
    sha256: str = ""
    key: str = ""
    stamp: Stamp = field(default_factory=Stamp)
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict[str, MetadataValue])
    title: str | None = None
    failures: tuple[Failure, ...] = ()

    @property
    def origin(self) -> Origin:
        """What the documents of this source are told by."""
        return Origin(self.uri, self.key)

    @property
    def has_lost_metadata(self) -> bool:
        """Whether what is stated about it from outside cannot be read."""
        codes = {failure.code for failure in self.failures}
        return self.fate is Fate.FAIL and not self.sha256 and MetadataError.code in codes


class Withdrawals:
    """What nobody may see any more, because what says who may cannot be read."""

    def __init__(self) -> None:
        self._met: set[str] = set()

    def of(self, change: Change, known: Iterable[str]) -> tuple[Change, list[str]]:
        """``change`` with failures that tell of it, and those of the sources ``known`` that are withdrawn:
        itself, or all below the folder that it stands for. One that comes twice counts as it came first.
        """
        is_first = change.uri not in self._met
        self._met.add(change.uri)
        if not (is_first and change.has_lost_metadata):
            return change, []
        gone = [uri for uri in known if uri == change.uri or uri.startswith(f"{change.uri}/")]
        if not gone:
            return change, []
        told = f"Until then, {len(gone)} that were in are withdrawn."
        failures = (replace(failure, reason=f"{failure.reason} {told}") for failure in change.failures)
        return replace(change, failures=tuple(failures)), gone


class Comparison:
    """Compares sources with what a collection holds."""

    def __init__(
        self,
        known: Mapping[str, str],
        memory: SourceMemory,
        fingerprint: ParseFingerprint,
        *,
        retry_failed: bool = False,
    ) -> None:
        """``known`` maps the addresses of the collection's sources to their keys."""
        self._known = known
        self._memory = memory
        self._fingerprint = fingerprint
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
        key = _key_of(source, sha256)
        failures = () if self._retry_failed else self._failures(source.uri, key)
        fate = self._fate(source.uri, key, failures)
        change = Change(
            fate,
            source.uri,
            source.name,
            sha256=sha256,
            key=key,
            stamp=source.stamp,
            metadata=source.metadata,
            failures=failures,
        )
        if isinstance(source, SourceBytes):
            return replace(change, content=source.content, title=source.title)
        return replace(change, path=source.path) if fate in (Fate.ADD, Fate.UPDATE) else change

    def _fate(self, uri: str, key: str, failures: tuple[Failure, ...]) -> Fate:
        known = self._known.get(uri)
        if known == key and not self._fingerprint.is_outdated(self._memory.parsed_by(uri)):
            # A part of it (a member of an archive, say) may have failed, and is tried again when asked for.
            return Fate.UPDATE if self._retry_failed and self._failures(uri, key) else Fate.KEEP
        if failures and self._memory.has_failed_wholly(uri, key, self._fingerprint.whole):
            return Fate.FAIL
        return Fate.ADD if known is None else Fate.UPDATE

    def _failures(self, uri: str, key: str) -> tuple[Failure, ...]:
        return tuple(self._memory.failures(uri, key, self._fingerprint.whole))

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


def _key_of(source: SourceFile | SourceBytes, sha256: str) -> str:
    if isinstance(source, SourceBytes) and source.title is not None:
        # Its title and its format are columns of its row, like what else is stated about it.
        return source_key(sha256, source.metadata, (source.title, suffix_of(source.name)))
    return source_key(sha256, source.metadata)


def source_key(
    sha256: str, metadata: Mapping[str, MetadataValue], named: tuple[str, str] | None = None
) -> str:
    """What tells a version of a source: its content, and what is stated about it from outside.

    ``named`` is the title that it is given with the suffix that its content is parsed by.
    """
    if not metadata and named is None:
        return sha256
    told = dict(metadata) if named is None else [dict(metadata), named]
    stated = json.dumps(told, sort_keys=True, ensure_ascii=False)
    return f"{sha256}+{hashlib.sha256(stated.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
