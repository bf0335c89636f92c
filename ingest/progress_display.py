"""How a run goes on, on standard error: live bars on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from ingest.progress import Progress, Publication
from ingest.report import Failure

_LINE_SECONDS = 10.0


@contextmanager
def display() -> Generator[Progress]:
    """Progress for whoever looks: bars where standard error is a terminal, else lines."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from ingest.progress_bars import Bars

    bars = Bars()
    with bars.shown:
        yield bars


class Lines:
    """A line every ten seconds, for logs."""

    def __init__(self) -> None:
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

    def failed(self, failure: Failure) -> None:
        """Say nothing: failures are listed at the end."""

    def embedding(self, chunks: int) -> None:
        """Begin to count vectors."""
        self._to_embed = chunks

    def embedded(self, chunks: int) -> None:
        """Count vectors."""
        self._embedded += chunks
        self._say(f"{self._embedded} of {self._to_embed} chunks embedded")

    def published(self, publication: Publication) -> None:
        """Say what readers see now."""
        if publication.unembedded:
            sys.stderr.write(f"{published_line(publication)}\n")

    def _say(self, line: str) -> None:
        if time.monotonic() - self._last >= _LINE_SECONDS:
            self._last = time.monotonic()
            sys.stderr.write(f"{line}\n")


def published_line(publication: Publication) -> str:
    """What is said of a snapshot that is searchable by words alone so far."""
    return (
        f"snapshot {publication.snapshot} is searchable by BM25; "
        f"{publication.unembedded} of its chunks have no vector yet"
    )
