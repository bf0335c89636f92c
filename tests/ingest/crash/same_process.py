"""Parsing without other processes, for runs that are killed a thousand times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from ingest.parse import parse_parts
from ingest.workers.messages import ParseTask
from ingest.workers.pool import ParseResult, WorkerLimits


class SameProcessPool:
    """In place of ``ParserPool``: the parsers are called at once, one file after the other."""

    def __init__(self, workers: int, limits: WorkerLimits) -> None:
        self._limits = limits

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def parse(self, tasks: Iterable[ParseTask]) -> Iterator[ParseResult]:
        """The parts of each task, in order."""
        for task in tasks:
            assert task.path is not None
            sha256 = ""
            for part in parse_parts(task.path, self._limits.parse):
                sha256 = sha256 or part.content_sha256
                yield ParseResult(task.key, part, sha256, last=False)
            yield ParseResult(task.key, None, sha256, last=True)
