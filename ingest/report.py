"""What an ingest did."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be read, and why."""

    path: str
    code: str
    reason: str

    @classmethod
    def of(cls, path: str, code: str, reason: str) -> Failure:
        """A failure that can be printed: bytes of a file name that are no UTF-8 are written as escapes."""
        return cls(_printable(path), code, _printable(reason))


@dataclass(slots=True)
class IngestReport:
    """What an ingest did; counts of documents and chunks, wall time in seconds.

    ``unread`` holds the addresses of the sources of which nothing could be read.
    """

    collection: str
    snapshot: str | None = None
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    chunks_total: int = 0
    chunks_added: int = 0
    chunks_removed: int = 0
    unembedded: int = 0
    pages: int = 0
    seconds: float = 0.0
    failures: list[Failure] = field(default_factory=list[Failure])
    unread: list[str] = field(default_factory=list[str])

    def to_json(self) -> dict[str, Any]:
        """The report as ``troika ingest --json`` prints it."""
        return {
            "snapshot": self.snapshot,
            "collection": self.collection,
            "documents": {
                "added": self.added,
                "updated": self.updated,
                "unchanged": self.unchanged,
                "removed": self.removed,
                "failed": len(self.failures),
            },
            "chunks": {
                "total": self.chunks_total,
                "added": self.chunks_added,
                "removed": self.chunks_removed,
                "unembedded": self.unembedded,
            },
            "pages": self.pages,
            "seconds": round(self.seconds, 3),
            "failures": [asdict(failure) for failure in self.failures],
        }

    def summary(self) -> str:
        """The report in one line."""
        return (
            f"{self.collection}: {self.added} added, {self.updated} updated, {self.unchanged} unchanged, "
            f"{self.removed} removed, {len(self.failures)} failed; {self.chunks_total} chunks "
            f"in snapshot {self.snapshot or '-'} ({self.seconds:.1f} s)"
        )


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
