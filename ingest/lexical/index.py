"""What ``ingest.lexical.bm25`` asks of an engine that counts terms: tantivy, or Milvus."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal, Protocol

from ingest.filters.facets import Clause

EntryField = Literal["terms", "facets"]


class EntryIndex(Protocol):
    """A published index of entries. Reading is safe from several threads."""

    def search(
        self, words: Sequence[str], depth: int, allowed: Any | None = None
    ) -> list[tuple[int, int, float]]:
        """The best entries as (document, number, score), best first; only those that are ``allowed``."""
        ...

    def allowing(self, clauses: Sequence[Clause], numbers: Collection[int] = ()) -> Any:
        """What lets ``search`` look only at entries that meet all clauses, or have one of these numbers."""
        ...

    def frequency(self, field: EntryField, term: str) -> int:
        """The number of entries that hold ``term`` in a field."""
        ...

    def numbers(self) -> set[int]:
        """The numbers of all entries."""
        ...


class EntryWriter(Protocol):
    """An index that is being changed; nothing is visible before ``commit``."""

    def add(self, document: int, number: int, words: Sequence[str], facets: Sequence[str] = ()) -> None:
        """Add an entry. ``document`` and ``number`` are unsigned 64-bit integers."""
        ...

    def delete(self, number: int) -> None:
        """Remove the entry with this number, if there is one."""
        ...

    def commit(self) -> None:
        """Write everything."""
        ...

    def abandon(self) -> None:
        """Drop what was not committed."""
        ...
