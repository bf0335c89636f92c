"""Who is told how a run goes on; the pipeline says what happens and knows no screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ingest.report import Failure


@dataclass(frozen=True, slots=True)
class Publication:
    """A snapshot that readers see from now on, ``unembedded`` of whose chunks have no vector yet.

    ``bytes`` is its size; ``seconds`` is how long it took to save, checksum, sync and switch to.
    """

    snapshot: str
    unembedded: int
    bytes: int
    seconds: float


class Progress(Protocol):
    """Told of every source that is dealt with, of the chunks that are embedded, and of what is published."""

    def start(self, sources: int | None) -> None:
        """The run begins; None when nobody knows how many sources there are."""
        ...

    def advance(self, name: str, pages: int = 0, chunks: int = 0) -> None:
        """A source is done with; so many pages and chunks of it were added."""
        ...

    def failed(self, failure: Failure) -> None:
        """A source, or a part of one, could not be read, now or when it was last tried."""
        ...

    def embedding(self, chunks: int) -> None:
        """So many chunks are to get a vector."""
        ...

    def embedded(self, chunks: int) -> None:
        """So many more got one."""
        ...

    def published(self, publication: Publication) -> None:
        """Readers see another snapshot."""
        ...


class Silent:
    """Progress that nobody watches."""

    def start(self, sources: int | None) -> None:
        """Ignore the number of sources."""

    def advance(self, name: str, pages: int = 0, chunks: int = 0) -> None:
        """Ignore a finished source."""

    def failed(self, failure: Failure) -> None:
        """Ignore a failure."""

    def embedding(self, chunks: int) -> None:
        """Ignore the number of chunks."""

    def embedded(self, chunks: int) -> None:
        """Ignore vectors."""

    def published(self, publication: Publication) -> None:
        """Ignore a new snapshot."""
