"""What is stated about the documents of a snapshot, by key and in columns, read when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ingest.filters.facets import PAGE, buckets
from ingest.filters.filters import Condition, meanings
from ingest.snapshots.docstore import Docstore
from ingest.snapshots.docstore_rows import BUILT_IN_KEYS
from ingest.sources.metadata import ACL

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Column:
    """The values under one key. A document that states several has as many."""

    def __init__(self, stated: Sequence[tuple[int, str]]) -> None:
        codes: dict[str, int] = {}
        self._codes = np.asarray([codes.setdefault(text, len(codes)) for _, text in stated], dtype=np.int64)
        self._said = [meanings(text) for text in codes]
        self.rows: Rows = np.asarray([row for row, _ in stated], dtype=np.int64)
        self.texts = np.asarray(list(codes), dtype=np.object_)
        names: dict[str, int] = {}
        held = [
            (at, names.setdefault(name, len(names))) for text, at in codes.items() for name in buckets(text)
        ]
        self._buckets = np.asarray(list(names), dtype=np.object_)
        self._members, self._held = np.asarray(held, dtype=np.int64).reshape(-1, 2).T
        self._sizes = np.bincount(self._held, minlength=len(names))

    def admitted(self, condition: Condition) -> Mask:
        """For each of ``texts`` whether it passes the condition's test."""
        return np.asarray([condition.test.admits(said) for said in self._said], dtype=np.bool_)

    def named(self, admitted: Mask) -> list[str]:
        """Names of buckets and values that hold what is ``admitted`` and nothing else, as few as can be."""
        taken = admitted[self._members]
        is_whole = np.bincount(self._held[taken], minlength=len(self._sizes)) == self._sizes
        in_whole = taken & is_whole[self._held]
        # The first of a value's buckets is the widest.
        members, firsts = np.unique(self._members[in_whole], return_index=True)
        alone = admitted.copy()
        alone[members] = False
        widest = np.unique(self._held[in_whole][firsts])
        return [*self._buckets[widest].tolist(), *self.texts[alone].tolist()]

    def rows_with(self, admitted: Mask) -> Rows:
        """The rows of the documents that have a value that is ``admitted``."""
        return self.rows[admitted[self._codes]]


@dataclass(frozen=True, slots=True)
class PlacedChunks:
    """The chunks of a snapshot by number. ``indexed`` is the place among them of the one that stands for each
    in the indexes, ``documents`` the row of its document; a chunk without pages has 0 to 0."""

    numbers: Rows
    indexed: Rows
    documents: Rows
    first_pages: Rows
    last_pages: Rows


class Facts:
    """The columns of a snapshot; for use by one thread at a time."""

    def __init__(self, documents: Docstore) -> None:
        self._documents = documents
        self._columns: dict[str, Column] = {}

    def column(self, key: str) -> Column:
        """The values under a key; empty where no document has it."""
        if key not in self._columns:
            self._columns[key] = Column(self._documents.stated(key))
        return self._columns[key]

    @cached_property
    def chunks(self) -> PlacedChunks:
        placed = self._documents.placed_chunks()
        columns = np.asarray(
            [
                (number, indexed, row, first or 0, last or first or 0)
                for number, indexed, row, first, last in placed
            ],
            dtype=np.int64,
        ).reshape(-1, 5)
        numbers, indexed, documents, first_pages, last_pages = np.ascontiguousarray(columns.T)
        places = cast("Rows", np.searchsorted(numbers, indexed))
        return PlacedChunks(numbers, places, documents, first_pages, last_pages)

    @cached_property
    def size(self) -> int:
        """One more than the highest row of a document."""
        return self._documents.highest_row() + 1

    def keys(self, visible: Mask) -> list[str]:
        """The keys that a filter may name, as far as they are of ``visible`` documents."""
        stated = {key for key, row in self._documents.stated_keys() if visible[row]}
        return sorted({*stated, *BUILT_IN_KEYS, PAGE} - {ACL})
