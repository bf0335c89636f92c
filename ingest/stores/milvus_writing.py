"""Rows that a stage adds to a Milvus collection and takes away from what its snapshot shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingest.errors import DatabaseError
from ingest.stores.milvus_client import Row, Table, row_id
from ingest.stores.milvus_rows import Deletion, Rows, among

_WRITTEN_AT_ONCE = 500
_ASKED_AT_ONCE = 2_000


class StagedRows:
    """Adds rows to those of the snapshot before, and deletes from both.

    A row of the snapshot before stays, since that one shows it, and is noted as dead. One of this stage,
    which nobody has seen, goes.
    """

    def __init__(self, table: Table, before: Rows, stage: int, gone: frozenset[Deletion]) -> None:
        """``gone`` are deletions of ``before`` that need not be filtered out any more."""
        self._table = table
        self._before = before
        self._stage = stage
        self._waiting: dict[int, Row] = {}
        self._written: set[int] = set()
        self._deleted: set[int] = set()
        self.rows = before.next_stage(stage, gone)

    def add(self, number: int, values: Mapping[str, Any]) -> None:
        """Add a row."""
        stated = {"id": row_id(self._stage, number), "number": number, "stage": self._stage}
        self._waiting[number] = stated | dict(values)
        if len(self._waiting) >= _WRITTEN_AT_ONCE:
            self._write()

    def delete(self, number: int) -> None:
        """Delete the rows with this number, if there are any."""
        self._waiting.pop(number, None)
        self._deleted.add(number)
        if number in self._written:
            self._written.remove(number)
            self._table.delete(f'id in ["{row_id(self._stage, number)}"]')

    def commit(self) -> None:
        """Write everything, and wait until it can be read.

        Raises:
            DatabaseError: Milvus holds less than was written, or failed.
        """
        self._write()
        self._table.flush()
        self.rows = self.rows.without(self._stage, self._dead())
        found = self._table.count(f"stage == {self._stage}")
        if found != len(self._written):
            raise DatabaseError(
                f"Milvus holds {found} rows of the {len(self._written)} that were written: run the command "
                "again."
            )

    def living(self) -> list[int]:
        """The numbers of all rows, before ``commit``."""
        self._write()
        before = [n for n in self._table.numbers(self._before.expression()) if n not in self._deleted]
        return [*before, *self._written]

    def _write(self) -> None:
        if self._waiting:
            self._table.write(list(self._waiting.values()))
            self._written.update(self._waiting)
            self._waiting = {}

    def _dead(self) -> Iterator[int]:
        """Of the numbers that were deleted, those that the snapshot before holds."""
        if self._before.stages:
            for numbers in _portions(sorted(self._deleted)):
                yield from self._table.numbers(f"{self._before.expression()} and {among(numbers)}")


def _portions(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(numbers), _ASKED_AT_ONCE):
        yield numbers[first : first + _ASKED_AT_ONCE]
