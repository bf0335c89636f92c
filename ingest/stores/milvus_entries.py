"""The engine of ``ingest.lexical.bm25`` in Milvus: its own BM25 over our terms.

Terms are written so that Milvus's standard tokenizer, the one that Milvus Lite and the server share, leaves
them whole. Milvus counts n(t), N and the average length over all rows that a collection holds, those of
older snapshots with them, so scores differ slightly from tantivy's. Of an entry with very many terms, the
first 65,535 bytes count.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from ingest.filters.facets import Clause
from ingest.lexical.index import EntryField
from ingest.stores.milvus_client import LONGEST_TERMS, Table
from ingest.stores.milvus_rows import Rows, among
from ingest.stores.milvus_writing import StagedRows

_SIGN = 1 << 63


class MilvusEntries:
    """``EntryIndex`` over the rows of a snapshot; what a search is allowed is an expression."""

    def __init__(self, table: Table, rows: Rows) -> None:
        self._table = table
        self._expression = rows.expression()
        self._frequencies: dict[tuple[EntryField, str], int] = {}

    def search(
        self, words: Sequence[str], depth: int, allowed: str | None = None
    ) -> list[tuple[int, int, float]]:
        """See ``EntryIndex``."""
        expression = f"{self._expression} and {allowed}" if allowed else self._expression
        found = self._table.best_by_words(_text(words), expression, depth)
        return [(_unsigned(document), _unsigned(number), score) for document, number, score in found]

    def allowing(self, clauses: Sequence[Clause], numbers: Collection[int] = ()) -> str:
        """See ``EntryIndex``."""
        parts = [_met(clause) for clause in clauses] or ["stage > 0"]
        named = f" or {among(map(_signed, numbers))}" if numbers else ""
        return f"(({' and '.join(parts)}){named})"

    def frequency(self, field: EntryField, term: str) -> int:
        """See ``EntryIndex``; remembered, since each is a request."""
        key = (field, term)
        if key not in self._frequencies:
            holds = (
                f"text_match(terms, '{_token(term)}')"
                if field == "terms"
                else _met(Clause(frozenset([term])))
            )
            self._frequencies[key] = self._table.count(f"{self._expression} and {holds}")
        return self._frequencies[key]

    def numbers(self) -> set[int]:
        """See ``EntryIndex``."""
        return set(map(_unsigned, self._table.numbers(self._expression)))


class StagedEntries:
    """``EntryWriter`` into a stage."""

    def __init__(self, staged: StagedRows) -> None:
        self._staged = staged

    def add(self, document: int, number: int, words: Sequence[str], facets: Sequence[str] = ()) -> None:
        """See ``EntryWriter``."""
        values = {"document": _signed(document), "terms": _text(words), "facets": list(facets)}
        self._staged.add(_signed(number), values)

    def delete(self, number: int) -> None:
        """See ``EntryWriter``."""
        self._staged.delete(_signed(number))

    def commit(self) -> None:
        """See ``EntryWriter``."""
        self._staged.commit()

    def abandon(self) -> None:
        """See ``EntryWriter``; the next stage clears away what was written already."""


def _text(words: Sequence[str]) -> str:
    text = " ".join(map(_token, words))
    return text if len(text) <= LONGEST_TERMS else text[:LONGEST_TERMS].rpartition(" ")[0]


def _token(term: str) -> str:
    """Letters and digits of ASCII alone, which no tokenizer cuts."""
    if term.isascii() and term.isalnum():
        return term
    return f"u{term.encode('utf-16-be', 'surrogatepass').hex()}"


def _met(clause: Clause) -> str:
    """An expression for the entries that meet a clause."""
    listed = json.dumps(sorted(clause.facets), ensure_ascii=False)
    return f"{'not ' if clause.negated else ''}array_contains_any(facets, {listed})"


def _signed(number: int) -> int:
    """The signed integer, which is what Milvus has, with the bits of an unsigned one of 64 bits."""
    return (number ^ _SIGN) - _SIGN


def _unsigned(number: int) -> int:
    return number & (2 * _SIGN - 1)
