"""The cells of a sheet -> tables and captions, for all kinds of spreadsheets.

Rows that touch form one table; a blank row ends it. A row of its own that holds one cell is a paragraph, and
so is one above a table. Merged cells say the same in each row and column that they cover.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ingest.document import BlockKind
from ingest.errors import FileTooLargeError
from ingest.parsers.tables import has_header, is_value, row_line
from ingest.parsers.text_builder import TextBuilder, clean_text, collapse_space

MAX_CELLS = 2_000_000
"""The most cells that one file may state, empty ones included."""

_MAX_HEADER_ROWS = 3
_MAX_FILLED = 200_000
_SAMPLE_ROWS = 60

Row = dict[int, str]


@dataclass(frozen=True, slots=True)
class Merge:
    """A range of cells shown as one, ends included; rows and columns count from 0."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(slots=True)
class Grid:
    """The cells of one sheet that hold text, by row and column from 0."""

    rows: dict[int, Row] = field(default_factory=dict[int, Row])
    merges: list[Merge] = field(default_factory=list[Merge])

    def put(self, row: int, column: int, text: str) -> None:
        """Set a cell; blank text leaves it empty."""
        line = text if text.isascii() and text.isalnum() else collapse_space(clean_text(text))
        if line:
            self.rows.setdefault(row, {})[column] = line


class CellBudget:
    """Counts the cells of a file, so that a sheet of 17 billion of them ends soon."""

    def __init__(self) -> None:
        self._left = MAX_CELLS

    def take(self, cells: int = 1) -> None:
        """Count ``cells`` more.

        Raises:
            FileTooLargeError: they are more than are read.
        """
        self._left -= cells
        if self._left < 0:
            raise FileTooLargeError(
                f"the file holds more than {MAX_CELLS} cells, which is the most that is read: split it."
            )


def write_grid(builder: TextBuilder, grid: Grid) -> None:
    """Append what stands in the sheet, from top to bottom."""
    across = fill_merges(grid)
    for numbers in _regions(sorted(grid.rows)):
        _write_region(builder, [grid.rows[number] for number in numbers], [across.get(n, 0) for n in numbers])


def write_rows(builder: TextBuilder, rows: Sequence[Mapping[int, str]], header_rows: int) -> None:
    """Append one table; columns without any cell are left out."""
    columns = sorted({column for row in rows for column in row})
    builder.add_table([row_line(_cells(row, columns)) for row in rows], header_rows)


def header_rows(rows: Sequence[Mapping[int, str]], across: Sequence[int]) -> int:
    """How many of the first rows name the columns.

    Args:
        rows: the rows of one table, merged cells written out.
        across: how many columns the widest merged cell of each row covers. A name that spans several columns
            has the names of each of them below it.
    """
    if across[0] < 2:
        columns = sorted({column for row in rows[:_SAMPLE_ROWS] for column in row})
        return int(has_header([_cells(row, columns) for row in rows[:_SAMPLE_ROWS]]))
    count = 0
    while count < min(_MAX_HEADER_ROWS, len(rows) - 1) and (count == 0 or across[count - 1] > 1):
        if any(is_value(cell) for cell in rows[count].values()):
            break
        count += 1
    return count


def _cells(row: Mapping[int, str], columns: Sequence[int]) -> list[str]:
    return [row.get(column, "") for column in columns]


def fill_merges(grid: Grid) -> dict[int, int]:
    """Write merged cells out; returns how many columns the widest merge of each row covers."""
    across: dict[int, int] = {}
    budget = _MAX_FILLED
    for merge in grid.merges:
        text = grid.rows.get(merge.top, {}).get(merge.left)
        if text is None:
            continue
        width = merge.right - merge.left + 1
        across[merge.top] = max(across.get(merge.top, 0), width)
        # A range to the end of the sheet is a matter of style: nobody means a million cells.
        cells = width * (merge.bottom - merge.top + 1)
        if cells > budget:
            continue
        budget -= cells
        for number in range(merge.top, merge.bottom + 1):
            row = grid.rows.get(number)
            if row is not None:
                for column in range(merge.left, merge.right + 1):
                    row.setdefault(column, text)
    return across


def _regions(numbers: list[int]) -> Iterator[list[int]]:
    """Runs of row numbers without a gap."""
    run: list[int] = []
    for number in numbers:
        if run and number != run[-1] + 1:
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def _write_region(builder: TextBuilder, rows: list[Row], across: list[int]) -> None:
    first = 0
    wide = any(len(set(row.values())) > 1 for row in rows)
    while first < len(rows) and (wide or len(rows) == 1) and len(set(rows[first].values())) == 1:
        builder.add(BlockKind.PARAGRAPH, next(iter(rows[first].values())))
        first += 1
    rows, across = rows[first:], across[first:]
    if rows:
        write_rows(builder, rows, header_rows(rows, across))
