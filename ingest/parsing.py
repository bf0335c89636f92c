"""Changed sources -> what came of their parts, in the order of the sources, each parsed once.

What an interrupted run had parsed already is taken from there. Results come in the order of the sources,
whichever is finished first, so that the same sources give the same collection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from ingest.compare import Change
from ingest.errors import ParseError
from ingest.formats import suffix_of
from ingest.parse import ParsedPart, ParseLimits
from ingest.parse_fingerprint import ParseFingerprint
from ingest.snapshots.unfinished import UnfinishedWork
from ingest.workers.messages import (
    Failed,
    Frames,
    Parsed,
    ParseTask,
    ReplyReader,
    ReplyWriter,
    max_reply_bytes,
)
from ingest.workers.pool import ParseResult


class Parsing(Protocol):
    """Whatever turns tasks into results: a pool of processes here, or a cluster."""

    def parse(self, tasks: Iterable[ParseTask]) -> Iterator[ParseResult]: ...


@dataclass(frozen=True, slots=True)
class ParsedSource:
    """A part of what came of a changed source; ``last`` closes it, and may come without a part."""

    change: Change
    part: ParsedPart | None
    last: bool


@dataclass(slots=True)
class _Waiting:
    """A source whose parts are coming, behind others that come first; ``kept`` ones are there already."""

    change: Change
    parts: deque[ParsedPart] = field(default_factory=deque[ParsedPart])
    finished: bool = False
    kept: bool = False


class SourceParser:
    """Parses changed sources, those that an interrupted run parsed aside.

    With ``retry_failed`` a source is parsed again of which that run could not read a part.
    """

    def __init__(
        self,
        parsing: Parsing,
        unfinished: UnfinishedWork,
        limits: ParseLimits,
        fingerprint: ParseFingerprint,
        *,
        retry_failed: bool = False,
    ) -> None:
        self._parsing = parsing
        self._kept = _KeptParts(unfinished, limits, fingerprint)
        self._retry_failed = retry_failed
        self._waiting: dict[int, _Waiting] = {}

    def parse(self, changes: Iterable[Change]) -> Iterator[ParsedSource]:
        """What came of each source, in the order of ``changes``."""
        for result in self._parsing.parse(self._tasks(changes)):
            self._take(result)
            yield from self._ready()
        yield from self._ready()

    def _tasks(self, changes: Iterable[Change]) -> Iterator[ParseTask]:
        for key, change in enumerate(changes):
            if self._retry_failed:
                self._kept.forget_failed(change)
            kept = self._kept.has(change)
            # What is kept is read when its turn comes: there may be more of it than memory holds.
            self._waiting[key] = _Waiting(change, finished=kept, kept=kept)
            if not kept:
                yield ParseTask(key, change.path, change.content, change.name)

    def _take(self, result: ParseResult) -> None:
        waiting = self._waiting[result.key]
        if result.part is not None:
            waiting.parts.append(result.part)
            self._kept.keep(waiting.change, result.key, result.part, result.source_sha256)
        if result.last:
            waiting.finished = True
            self._kept.finish(waiting.change, result.key, result.source_sha256)

    def _ready(self) -> Iterator[ParsedSource]:
        """All parts of the first source that came so far, and those of its followers once it is finished."""
        while self._waiting:
            key = next(iter(self._waiting))
            first = self._waiting[key]
            if first.kept:
                first.parts.extend(self._kept.read(first.change))
            while first.parts:
                yield ParsedSource(first.change, first.parts.popleft(), last=False)
            if not first.finished:
                return
            del self._waiting[key]
            yield ParsedSource(first.change, None, last=True)


class _KeptParts:
    """Parsed parts as unfinished work, in the form in which workers send them."""

    def __init__(
        self, unfinished: UnfinishedWork, limits: ParseLimits, fingerprint: ParseFingerprint
    ) -> None:
        self._unfinished = unfinished
        self._fingerprint = fingerprint
        self._writer = ReplyWriter(limits)
        self._reader = ReplyReader(limits)
        self._max_bytes = max_reply_bytes(limits)
        self._counts: dict[int, int] = {}

    def has(self, change: Change) -> bool:
        """Whether a source's content need not be parsed."""
        return bool(change.sha256) and self._unfinished.has_parts(self._key(change.sha256, change.name))

    def read(self, change: Change) -> list[ParsedPart]:
        """The parts of a source's content."""
        kept = self._unfinished.parts(self._key(change.sha256, change.name)) or []
        frames = Frames(self._max_bytes)
        replies = [self._reader.read(message) for frame in kept for message in frames.feed(frame)]
        return [self._reader.part_of(reply) for reply in replies if isinstance(reply, Parsed | Failed)]

    def forget_failed(self, change: Change) -> None:
        """Let a source be parsed again of which a part could not be read."""
        if self.has(change) and any(isinstance(part.outcome, ParseError) for part in self.read(change)):
            self._unfinished.forget_parts(self._key(change.sha256, change.name))

    def keep(self, change: Change, task: int, part: ParsedPart, sha256: str) -> None:
        """Keep one part of a source that is being parsed."""
        position = self._counts.get(task, 0)
        self._counts[task] = position + 1
        if sha256:
            frame = bytes(self._writer.part(part, sha256))
            self._unfinished.keep_part(self._key(sha256, change.name), position, frame)

    def finish(self, change: Change, task: int, sha256: str) -> None:
        """A source was parsed wholly."""
        count = self._counts.pop(task, 0)
        if sha256:
            self._unfinished.finish_parts(self._key(sha256, change.name), count)

    def _key(self, sha256: str, name: str) -> str:
        return f"{sha256}{suffix_of(name)}#{self._fingerprint.whole}"
