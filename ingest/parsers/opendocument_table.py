"""A table of an OpenDocument file -> its cells. Sheets and tables in a text are written alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ingest.parsers.grid import CellBudget, Grid, Merge
from ingest.parsers.xml_tree import Element

TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_CELLS = (f"{TABLE}table-cell", f"{TABLE}covered-table-cell")
_HEADER_ROWS = f"{TABLE}table-header-rows"
_ROW_GROUPS = (_HEADER_ROWS, f"{TABLE}table-row-group", f"{TABLE}table-rows")
_MAX_REPEATS = 10_000_000


@dataclass(frozen=True, slots=True)
class TableCells:
    """A table's cells, and how many of its first rows it marks as the names of its columns."""

    grid: Grid
    header_rows: int


def read_table(table: Element, budget: CellBudget, read_cell: Callable[[Element], str]) -> TableCells:
    """The cells of ``table``; ``read_cell`` gives the text of one.

    Raises:
        FileTooLargeError: they are too many, written out.
    """
    grid = Grid()
    number = 0
    header_rows = 0
    for row, is_header in _rows(table, inside_header=False):
        cells, merges = _read_row(row, budget, read_cell)
        repeats = _count(row, "number-rows-repeated")
        if cells:
            budget.take(len(cells) * (repeats - 1))
            for copy in range(repeats):
                grid.rows[number + copy] = dict(cells)
            grid.merges += [
                Merge(number, column, number + down - 1, column + across - 1)
                for column, across, down in merges
            ]
            header_rows += repeats if is_header else 0
        number += repeats
    return TableCells(grid, header_rows)


def _rows(parent: Element, *, inside_header: bool) -> Iterator[tuple[Element, bool]]:
    """The rows in order, and whether each is marked as a header."""
    for child in parent:
        if child.tag == f"{TABLE}table-row":
            yield child, inside_header
        elif child.tag in _ROW_GROUPS:
            yield from _rows(child, inside_header=inside_header or child.tag == _HEADER_ROWS)


def _read_row(
    row: Element, budget: CellBudget, read_cell: Callable[[Element], str]
) -> tuple[dict[int, str], list[tuple[int, int, int]]]:
    """The cells with text by column, and those that span others as (column, across, down)."""
    line = Grid()
    merges: list[tuple[int, int, int]] = []
    column = 0
    for cell in row:
        if cell.tag not in _CELLS:
            continue
        repeats = _count(cell, "number-columns-repeated")
        budget.take()
        text = read_cell(cell) if cell.tag == _CELLS[0] else ""
        if text:
            budget.take(repeats - 1)
            for copy in range(repeats):
                line.put(0, column + copy, text)
            across, down = _count(cell, "number-columns-spanned"), _count(cell, "number-rows-spanned")
            if across > 1 or down > 1:
                merges.append((column, across, down))
        column += repeats
    return line.rows.get(0, {}), merges


def _count(element: Element, name: str) -> int:
    stated = element.get(f"{TABLE}{name}") or ""
    return max(1, min(int(stated), _MAX_REPEATS)) if stated.isdecimal() and len(stated) < 12 else 1
