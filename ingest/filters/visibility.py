"""Which chunks a search looks at: those of documents that the asker may see and that meet the filter.

The documents decide, in SQLite. Both indexes are then told of the same chunks, before they score any.
A chunk that says what an indexed one says is in neither index: where only the document of the former is
visible, the latter stands in for it, and its twin is shown.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from ingest.errors import FilterError
from ingest.filters.facets import PAGE, Clause, FacetFilter, access_clause, document_key, facet
from ingest.filters.facts import Facts, Mask, PlacedChunks, Rows
from ingest.filters.filters import EVERYTHING, Condition, Filter, meanings
from ingest.lexical.bm25 import LexicalFilter, LexicalSearch
from ingest.snapshots.docstore import Docstore
from ingest.sources.metadata import ACL
from ingest.vectors.index import DenseFilter, VectorIndex

_KEPT = 64
_KEPT_SHARE = 4
"""Filters that are remembered, and how many times all chunks they may let through together: the index of
vectors may keep codes of its own for what a filter lets through."""


@dataclass(frozen=True, slots=True)
class Visible:
    """What a search may look at, for each index. ``shown`` is, by the number of a chunk that stands in for
    another, the number of that other one."""

    count: int
    is_everything: bool
    dense: DenseFilter
    lexical: LexicalFilter
    shown: Mapping[int, int]


class Visibility:
    """Finds what is visible in one snapshot, and remembers it; safe to share between threads."""

    def __init__(self, documents: Docstore, vectors: VectorIndex, words: LexicalSearch) -> None:
        self._documents = documents
        self._vectors = vectors
        self._words = words
        self._facts = Facts(documents)
        self._is_restricted = documents.is_restricted()
        self._found: dict[tuple[AbstractSet[str], str], Visible] = {}
        self._lock = threading.Lock()

    def of(self, groups: frozenset[str], wanted: Filter = EVERYTHING) -> Visible | None:
        """What someone in ``groups`` finds under a filter; None where this is everything.

        Raises:
            FilterError: the filter names a key that no document has that they may see.
        """
        if not wanted and not self._is_restricted:
            return None
        key = (groups if self._is_restricted else frozenset[str](), wanted.key)
        found = self._found.get(key)
        if found is None:
            with self._lock:
                found = self._found.get(key) or self._find(groups, wanted)
                self._remember(key, found)
        return None if found.is_everything else found

    def _remember(self, key: tuple[AbstractSet[str], str], found: Visible) -> None:
        """Keep it, and let the oldest go for it."""
        room = _KEPT_SHARE * len(self._facts.chunks.numbers) - found.count
        self._found.pop(key, None)
        while self._found and (
            len(self._found) >= _KEPT or sum(kept.count for kept in self._found.values()) > room
        ):
            del self._found[next(iter(self._found))]
        self._found[key] = found

    def _find(self, groups: frozenset[str], wanted: Filter) -> Visible:
        chunks = self._facts.chunks
        documents = self._permitted(groups)
        clauses = [access_clause(groups)] if self._is_restricted else []
        self._require_known(wanted, documents)
        for condition in wanted.conditions:
            if condition.name != PAGE:
                matching, clause = self._matching(condition)
                documents &= matching
                clauses += [clause] if clause.facets or not clause.negated else []
        visible = documents[chunks.documents]
        page_clauses: list[Clause] = []
        for condition in wanted.conditions:
            if condition.name == PAGE:
                matching, clause = _on_pages(condition, chunks)
                visible &= matching
                page_clauses += [clause] if clause.facets or not clause.negated else []
        return self._told(visible, tuple(clauses), tuple(page_clauses))

    def _told(self, visible: Mask, clauses: tuple[Clause, ...], page_clauses: tuple[Clause, ...]) -> Visible:
        """The visible chunks as each index is told of them."""
        chunks = self._facts.chunks
        is_indexed = chunks.indexed == np.arange(len(chunks.indexed))
        (twins,) = np.nonzero(visible & ~is_indexed & ~visible[chunks.indexed])
        standing, firsts = np.unique(chunks.indexed[twins], return_index=True)
        shown_numbers = chunks.numbers[twins[firsts]].tolist()
        shown = dict(zip(chunks.numbers[standing].tolist(), shown_numbers, strict=True))
        found = visible & is_indexed
        found[standing] = True
        stand_ins = {
            number: document_key(twin.document_id)
            for number, twin in zip(shown, self._documents.chunks_by_number(shown_numbers), strict=True)
        }
        return Visible(
            count=int(found.sum()),
            is_everything=bool(found[is_indexed].all()) and not shown,
            dense=self._dense(chunks.numbers[found], chunks.numbers[is_indexed & ~found]),
            lexical=self._words.only(FacetFilter(clauses, page_clauses, stand_ins)),
            shown=shown,
        )

    def _dense(self, visible: Rows, hidden: Rows) -> DenseFilter:
        if len(visible) <= len(hidden):
            return self._vectors.only(visible)
        return self._vectors.hiding(frozenset(hidden.tolist()))

    def _permitted(self, groups: frozenset[str]) -> Mask:
        """For each row whether someone in ``groups`` may see the document."""
        permitted = np.ones(self._facts.size, dtype=np.bool_)
        if self._is_restricted:
            restricted = self._facts.column(ACL)
            permitted[restricted.rows] = False
            permitted[restricted.rows_with(np.isin(restricted.texts, list(groups)))] = True
        return permitted

    def _matching(self, condition: Condition) -> tuple[Mask, Clause]:
        """For each row whether the document meets the condition; and how BM25 is asked for it."""
        column = self._facts.column(condition.name)
        admitted = column.admitted(condition)
        matching = np.full(self._facts.size, condition.negated)
        matching[column.rows_with(admitted)] = not condition.negated
        names = column.named(admitted)
        return matching, Clause(frozenset(facet(condition.name, name) for name in names), condition.negated)

    def _require_known(self, wanted: Filter, permitted: Mask) -> None:
        for name in {condition.name for condition in wanted.conditions} - {PAGE}:
            if name == ACL or not permitted[self._facts.column(name).rows].any():
                known = ", ".join(self._facts.keys(permitted))
                raise FilterError(f"no document has the key {name[:40]!r} to filter by: there are {known}.")


def _on_pages(condition: Condition, chunks: PlacedChunks) -> tuple[Mask, Clause]:
    """For each chunk whether one of its pages meets the condition, or, if this is negated, none does."""
    pages = range(1, int(chunks.last_pages.max(initial=0)) + 1)
    admitted = np.asarray([False, *(condition.test.admits(meanings(str(page))) for page in pages)])
    # How many pages before each one are admitted: the difference of two is how many between them are.
    before = np.concatenate([[0], np.cumsum(admitted)])
    matching = before[chunks.last_pages + 1] > before[chunks.first_pages]
    facets = frozenset(facet(PAGE, str(page)) for page in np.flatnonzero(admitted).tolist())
    return matching != condition.negated, Clause(facets, condition.negated)
