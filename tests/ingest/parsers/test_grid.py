from __future__ import annotations

import pytest

from ingest.document import BlockKind
from ingest.errors import FileTooLargeError
from ingest.parsers.grid import MAX_CELLS, CellBudget, Grid, Merge, write_grid
from ingest.parsers.text_builder import ParsedFile, TextBuilder


def _written(rows: list[list[str]], *merges: Merge) -> ParsedFile:
    grid = Grid(merges=list(merges))
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            grid.put(number, column, text)
    builder = TextBuilder()
    write_grid(builder, grid)
    return builder.build()


def _blocks(parsed: ParsedFile) -> list[tuple[BlockKind, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def _header(parsed: ParsedFile) -> str | None:
    table = next(block for block in parsed.blocks if block.kind is BlockKind.TABLE)
    return None if table.header is None else parsed.text[slice(*table.header)]


def test_a_blank_row_ends_a_table_and_empty_columns_are_dropped() -> None:
    parsed = _written([["a", "", "b"], ["1", "", "2"], [], ["c", "d"], ["3", "4"]])
    assert _blocks(parsed) == [(BlockKind.TABLE, "a | b\n1 | 2"), (BlockKind.TABLE, "c | d\n3 | 4")]


def test_a_line_above_a_table_is_a_paragraph() -> None:
    parsed = _written([["Sales of 2023"], ["Team", "Sum"], ["North", "12"]])
    assert _blocks(parsed) == [
        (BlockKind.PARAGRAPH, "Sales of 2023"),
        (BlockKind.TABLE, "Team | Sum\nNorth | 12"),
    ]
    assert _header(parsed) == "Team | Sum"


def test_a_title_merged_across_the_table_is_said_once() -> None:
    parsed = _written([["报表", "", ""], ["a", "b", "c"], ["1", "2", "3"]], Merge(0, 0, 0, 2))
    assert _blocks(parsed)[0] == (BlockKind.PARAGRAPH, "报表")


def test_merged_cells_say_the_same_in_each_row_and_column() -> None:
    rows = [["Region", "2023", ""], ["", "Q1", "Q2"], ["North", "1", "2"], ["", "3", "4"]]
    rows[0][1] = "Sales"
    parsed = _written(rows, Merge(0, 0, 1, 0), Merge(0, 1, 0, 2), Merge(2, 0, 3, 0))
    assert _blocks(parsed) == [
        (BlockKind.TABLE, "Region | Sales | Sales\nRegion | Q1 | Q2\nNorth | 1 | 2\nNorth | 3 | 4")
    ]
    assert _header(parsed) == "Region | Sales | Sales\nRegion | Q1 | Q2"


def test_a_merge_to_the_end_of_the_sheet_is_passed_over() -> None:
    parsed = _written([["a", "b"], ["1", "2"]], Merge(0, 0, 1_048_575, 16_383))
    assert parsed.text == "a | b\n1 | 2"


def test_a_first_row_of_values_is_no_header() -> None:
    assert _header(_written([["1", "2"], ["3", "4"]])) is None


def test_a_sheet_of_one_cell_is_a_paragraph() -> None:
    assert _blocks(_written([["only"]])) == [(BlockKind.PARAGRAPH, "only")]


def test_line_ends_in_a_cell_do_not_break_its_row() -> None:
    assert _written([["a\nb", "c"], ["1", "2"]]).text == "a b | c\n1 | 2"


def test_a_file_of_too_many_cells_is_refused() -> None:
    budget = CellBudget()
    budget.take(MAX_CELLS)
    with pytest.raises(FileTooLargeError, match="cells"):
        budget.take()
