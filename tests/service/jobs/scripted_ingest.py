"""Ingest processes that report what a test tells them to, and do nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ingest.sources.source import SourceFile
from ingest.sources.uploads import UploadedFiles
from service.jobs.messages import Assignment, Finished, Report


@dataclass
class ScriptedIngest:
    """Stands in for ``service.jobs.child.ingest_process``.

    Each run says the next of ``scripts`` (the last one again and again), which may depend on what the run
    would see; after a script without an end it waits to be killed if ``hangs``, or ends without a word.
    """

    scripts: Sequence[Callable[[dict[str, str]], Sequence[Report]]]
    hangs: bool = False
    seen: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    running: int = 0
    most_running: int = 0
    _killed: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def __call__(self, assignment: Assignment) -> AsyncGenerator[ScriptedIngest]:
        sources = UploadedFiles(assignment.uploads).sources
        self.seen.append({s.uri: s.path.read_text() for s in sources if isinstance(s, SourceFile)})
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self._killed.clear()
        try:
            yield self
        finally:
            self.running -= 1

    async def reports(self) -> AsyncGenerator[Report]:
        script = self.scripts[min(len(self.seen), len(self.scripts)) - 1]
        ended = False
        for report in script(self.seen[-1]):
            await asyncio.sleep(0)
            yield report
            ended = isinstance(report, Finished)
        if self.hangs and not ended:
            await self._killed.wait()

    def kill(self) -> None:
        self._killed.set()


def finished(_seen: dict[str, str]) -> Sequence[Report]:
    """A run in which all goes well."""
    return (Finished("snapshot-1", ()),)


def silent(_seen: dict[str, str]) -> Sequence[Report]:
    """A run that is lost."""
    return ()
