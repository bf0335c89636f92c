from __future__ import annotations

import pytest

from ingest.parsers.tables import has_header, is_value, row_line


@pytest.mark.parametrize(
    "cell",
    ["1", "-1.5", "1,200", "12 %", "$3.50", "3e-4", "2024-01-31", "31.1.2024", "12:30", "2024年1月3日"],
)
def test_numbers_amounts_and_dates_are_values(cell: str) -> None:
    assert is_value(cell)


@pytest.mark.parametrize("cell", ["", "name", "1st", "v2", "Q1 2024", "名称"])
def test_words_are_no_values(cell: str) -> None:
    assert not is_value(cell)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["name", "port"], ["http", "80"]], True),
        ([["", "name"], ["0", "x"]], True),
        ([["name", "city"], ["Ann", "Bonn"]], True),
        ([["1", "2"], ["a", "b"]], False),
        ([["name", "name"], ["a", "1"]], False),
        ([["yes", "no"], ["no", "no"]], False),
        ([["name"], ["Ann"]], False),
        ([["count"], ["3"]], True),
        ([["name", "port"]], False),
        ([["x" * 200, "port"], ["http", "80"]], False),
        ([], False),
    ],
)
def test_a_header_is_told_from_the_first_row_of_values(rows: list[list[str]], expected: bool) -> None:
    assert has_header(rows) is expected


def test_empty_cells_at_the_end_of_a_row_are_left_out() -> None:
    assert row_line(["a", "", "b", "", ""]) == "a |  | b"
    assert row_line(["a"]) == "a"
    assert row_line(["", ""]) == ""
