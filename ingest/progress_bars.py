"""How a run goes on, as live bars on a terminal."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ingest.progress import Publication
from ingest.progress_display import published_line
from ingest.report import Failure


class Bars:
    """A bar for the sources and one for the vectors, with rates and the time that is left."""

    def __init__(self) -> None:
        self.shown = Progress(
            TextColumn("{task.description:<34}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._sources: TaskID | None = None
        self._vectors: TaskID | None = None
        self._pages = 0
        self._chunks = 0
        self._started = time.monotonic()

    def start(self, sources: int | None) -> None:
        """Begin to count sources."""
        self._started = time.monotonic()
        self._sources = self.shown.add_task("reading", total=sources, rate="")

    def advance(self, name: str, pages: int = 0, chunks: int = 0) -> None:
        """Count one source."""
        self._pages += pages
        self._chunks += chunks
        seconds = max(time.monotonic() - self._started, 1e-3)
        rate = f"{self._pages / seconds:.0f} pages/s, {self._chunks} chunks"
        if self._sources is not None:
            self.shown.update(self._sources, advance=1, description=name[:34], rate=rate)

    def failed(self, failure: Failure) -> None:
        """Say nothing: failures are listed at the end."""

    def embedding(self, chunks: int) -> None:
        """Begin to count vectors."""
        self._started = time.monotonic()
        self._vectors = self.shown.add_task("embedding", total=chunks, rate="")
        self._chunks = 0

    def embedded(self, chunks: int) -> None:
        """Count vectors."""
        self._chunks += chunks
        rate = f"{self._chunks / max(time.monotonic() - self._started, 1e-3):.0f} chunks/s"
        if self._vectors is not None:
            self.shown.update(self._vectors, advance=chunks, rate=rate)

    def published(self, publication: Publication) -> None:
        """Say what readers see now."""
        if publication.unembedded:
            self.shown.console.print(published_line(publication), markup=False)
