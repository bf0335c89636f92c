"""Who is told how a run goes on; the pipeline says what happens and knows no screen."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of every source that is dealt with, of the chunks that are embedded, and of what is published."""

    def start(self, sources: int | None) -> None:
        """The run begins; None when nobody knows how many sources there are."""
        ...

    def advance(self, name: str, pages: int = 0, chunks: int = 0) -> None:
        """A source is done with."""
        ...

    def embedding(self, chunks: int) -> None:
        """So many chunks are to get a vector."""
        ...

    def embedded(self, chunks: int) -> None:
        """So many more got one."""
        ...

    def published(self, snapshot: str, unembedded: int) -> None:
        """Readers see this snapshot from now on; so many of its chunks have no vector yet."""
        ...


class Silent:
    """Progress that nobody watches."""

    def start(self, sources: int | None) -> None:
        """Ignore the number of sources."""

    def advance(self, name: str, pages: int = 0, chunks: int = 0) -> None:
        """Ignore a finished source."""

    def embedding(self, chunks: int) -> None:
        """Ignore the number of chunks."""

    def embedded(self, chunks: int) -> None:
        """Ignore vectors."""

    def published(self, snapshot: str, unembedded: int) -> None:
        """Ignore a new snapshot."""
