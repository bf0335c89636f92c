"""How a run goes on, on standard error: live bars on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

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

from ingest.progress import Progress as IngestProgress

_LINE_SECONDS = 10.0


@contextmanager
def display() -> Generator[IngestProgress]:
    """Progress for whoever looks: bars where standard error is a terminal, else lines."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(console)
        return
    bars = Bars(console)
    with bars.shown:
        yield bars


class Bars:
    """A bar for the sources and one for the vectors, with rates and the time that is left."""

    def __init__(self, console: Console) -> None:
        self.shown = Progress(
            TextColumn("{task.description:<34}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
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

    def published(self, snapshot: str, unembedded: int) -> None:
        """Say what readers see now."""
        if unembedded:
            self.shown.console.print(published_line(snapshot, unembedded), markup=False)


class Lines:
    """A line every ten seconds, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = time.monotonic()
        self._sources: int | None = None
        self._done = self._embedded = self._to_embed = 0

    def start(self, sources: int | None) -> None:
        """Begin to count sources."""
        self._sources = sources

    def advance(self, name: str, pages: int = 0, chunks: int = 0) -> None:  # noqa: ARG002 - the protocol's
        """Count one source."""
        self._done += 1
        total = "" if self._sources is None else f" of {self._sources}"
        self._say(f"{self._done}{total} sources read")

    def embedding(self, chunks: int) -> None:
        """Begin to count vectors."""
        self._to_embed = chunks

    def embedded(self, chunks: int) -> None:
        """Count vectors."""
        self._embedded += chunks
        self._say(f"{self._embedded} of {self._to_embed} chunks embedded")

    def published(self, snapshot: str, unembedded: int) -> None:
        """Say what readers see now."""
        if unembedded:
            self._print(published_line(snapshot, unembedded))

    def _say(self, line: str) -> None:
        if time.monotonic() - self._last >= _LINE_SECONDS:
            self._last = time.monotonic()
            self._print(line)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def published_line(snapshot: str, unembedded: int) -> str:
    """What is said of a snapshot that is searchable by words alone so far."""
    return f"snapshot {snapshot} is searchable by BM25; {unembedded} of its chunks have no vector yet"
