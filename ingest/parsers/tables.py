"""Rows of cells -> the lines of a table, and whether the first row names the columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

CELL_SEPARATOR = " | "

_NUMBER = re.compile(
    r"[+\-−(]?\s*[$€£¥￥%]?\s*\d[\d.,'’\s\u00a0]*(?:e[+\-]?\d+)?\s*[%‰$€£¥元)]?\Z", re.IGNORECASE
)
_DATE = re.compile(r"\d{1,4}[-/.年]\d{1,2}(?:[-/.月]\d{1,4}日?)?(?:[T\s].*)?\Z|\d{1,2}:\d{2}(?::\d{2})?\Z")
_MAX_NAME_CHARACTERS = 100
_SAMPLE_ROWS = 50


def row_line(cells: Sequence[str]) -> str:
    """The cells of a row on one line; empty ones at its end are left out."""
    line = CELL_SEPARATOR.join(cells)
    return line.rstrip(" |") if cells and not cells[-1] else line


def is_value(cell: str) -> bool:
    """Whether a cell holds a number, an amount, a date or a time rather than words."""
    return _NUMBER.match(cell) is not None or _DATE.match(cell) is not None


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns of the others.

    It does if its cells are short, distinct words, one for all or all but a few columns. Where nothing below
    them is a number or a date either, they may be words like the others, so they must at least differ from
    these. Years and quarters that name columns ("Sales | 2023 | 2024") are taken for values.
    """
    if len(rows) < 2:
        return False
    first, body = rows[0], rows[1 : _SAMPLE_ROWS + 1]
    names = [name for name in first if name]
    columns = max(len(row) for row in rows[: _SAMPLE_ROWS + 1])
    unnamed = columns - len(names) - (not first[0])  # a column of row numbers often has no name
    if not names or unnamed * 4 > columns or len(set(names)) < len(names):
        return False
    if any(is_value(name) or len(name) > _MAX_NAME_CHARACTERS for name in names):
        return False
    if any(is_value(cell) for row in body for cell in row if cell):
        return True
    return columns > 1 and not any(
        name == cell for row in body for name, cell in zip(first, row, strict=False) if name
    )
