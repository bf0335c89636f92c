"""XLSX -> a page for each sheet: its name as a heading, its cells as tables.

The sheets are streamed rather than opened by a library: that is twice as fast as openpyxl, and a sheet
whose few cells stand a million rows apart costs no more than its cells. Values are those that were computed
when the file was saved. Hidden sheets are read, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from math import isfinite

from ingest.parsers.grid import CellBudget, Grid, Merge, write_grid
from ingest.parsers.number_format import show_number, show_plain
from ingest.parsers.office_properties import read_properties
from ingest.parsers.package import Package
from ingest.parsers.text_builder import ParsedFile, TextBuilder
from ingest.parsers.titles import first_usable_title
from ingest.parsers.xlsx_parts import Workbook, read_workbook, rich_text
from ingest.parsers.xml_tree import Element

_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})\Z")
_MAX_MERGES = 100_000


def parse(content: bytes) -> ParsedFile:
    """All sheets of an Excel workbook; its title is the core property."""
    with Package(content) as package:
        title, metadata = read_properties(package)
        workbook = read_workbook(package)
        builder = TextBuilder()
        budget = CellBudget()
        for number, sheet in enumerate(workbook.sheets, 1):
            grid = _read_sheet(package, sheet.part, workbook, budget)
            if grid.rows:
                builder.start_page(number, sheet.name)
                builder.add_heading(sheet.name, 1)
                write_grid(builder, grid)
    return builder.build(first_usable_title((title,)), metadata)


def _read_sheet(package: Package, part: str, workbook: Workbook, budget: CellBudget) -> Grid:
    grid = Grid()
    space = workbook.space
    next_row = 0
    for element in package.stream(part, f"{space}row", f"{space}mergeCell"):
        if element.tag == f"{space}row":
            next_row = _read_row(element, grid, next_row, workbook, budget)
        elif len(grid.merges) < _MAX_MERGES:
            grid.merges += _merge(element.get("ref") or "")
    return grid


def _read_row(element: Element, grid: Grid, row: int, workbook: Workbook, budget: CellBudget) -> int:
    """Read one row, which stands in ``row`` unless it says otherwise; returns the number of the next."""
    stated = element.get("r") or ""
    row = int(stated) - 1 if stated.isdecimal() else row
    column = 0
    cells = 0
    for cell in element:
        cells += 1
        reference = cell.get("r")
        if reference:
            column = _column(reference.rstrip("0123456789").strip("$"))
        text = _cell_text(cell, workbook)
        if text:
            grid.put(row, column, text)
        column += 1
    budget.take(cells)
    return row + 1


def _cell_text(cell: Element, workbook: Workbook) -> str:
    kind = cell.get("t")
    text = ""
    for child in cell:
        if child.tag == workbook.value_tag:
            text = child.text or ""
        elif kind == "inlineStr" and child.tag == workbook.inline_tag:
            return rich_text(child, workbook.space)
    if not text:
        return ""
    if kind == "s":
        index = int(text) if text.strip().isdecimal() else -1
        return workbook.strings[index] if 0 <= index < len(workbook.strings) else ""
    if kind == "b":
        return "TRUE" if text.strip() == "1" else "FALSE"
    return _number(text, cell.get("s"), workbook) if kind in (None, "n") else text


def _number(text: str, style: str | None, workbook: Workbook) -> str:
    index = int(style) if style and style.isdecimal() else 0
    shown = workbook.formats[index] if index < len(workbook.formats) else None
    if shown is None and text.isdecimal():
        return text
    try:
        value = float(text)
    except ValueError:
        return text
    if not isfinite(value):
        return text
    return show_plain(value) if shown is None else show_number(value, shown, from_1904=workbook.from_1904)


def _merge(reference: str) -> Iterator[Merge]:
    first, _, last = reference.partition(":")
    start, end = _REFERENCE.match(first), _REFERENCE.match(last)
    if start and end:
        yield Merge(int(start[2]) - 1, _column(start[1]), int(end[2]) - 1, _column(end[1]))


@lru_cache(maxsize=20_000)
def _column(letters: str) -> int:
    """The number from 0 of the column named by ``letters``; what is no name counts as the first."""
    if not (letters.isascii() and letters.isalpha() and len(letters) <= 3):
        return 0
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
