"""XLS (Excel 97-2003) -> a page for each sheet, through xlrd; see ``ingest.parsers.grid``.

xlrd is slower than the readers written in C or Rust, but bytes at random never make it die, and it knows how
a number is shown. The workbook is taken out of its container by olefile: xlrd follows a chain of sectors
that leads back into itself for ever.
"""

from __future__ import annotations

import io
from typing import Any, Protocol, cast

import olefile
import xlrd

from ingest.errors import BrokenFileError, EncryptedFileError
from ingest.parsers.grid import CellBudget, Grid, Merge, write_grid
from ingest.parsers.number_format import read_format, show_number, show_plain
from ingest.parsers.text_builder import ParsedFile, TextBuilder

_STREAMS = ("Workbook", "Book")
"""Where a container keeps the workbook: Excel 97 and later, Excel 95."""
_TEXT, _NUMBER, _DATE, _BOOLEAN, _ERROR = 1, 2, 3, 4, 5


class _Cell(Protocol):
    ctype: int
    value: str | float
    xf_index: int


class _Sheet(Protocol):
    name: str
    nrows: int
    merged_cells: list[tuple[int, int, int, int]]

    def row(self, number: int) -> list[_Cell]: ...


class _Book(Protocol):
    datemode: int
    xf_list: list[Any]
    format_map: dict[int, Any]

    def sheets(self) -> list[_Sheet]: ...


def parse(content: bytes) -> ParsedFile:
    """All sheets of an old Excel workbook; a title is not read."""
    book = _open(content)
    builder = TextBuilder()
    budget = CellBudget()
    for number, sheet in enumerate(book.sheets(), 1):
        grid = _read_sheet(book, sheet, budget)
        if grid.rows:
            builder.start_page(number, sheet.name)
            builder.add_heading(sheet.name, 1)
            write_grid(builder, grid)
    return builder.build()


def _open(content: bytes) -> _Book:
    library = cast("Any", xlrd)
    try:
        # What xlrd has to say of odd files goes to its log, which would be the standard output.
        book = library.open_workbook(
            file_contents=_workbook(content), logfile=io.StringIO(), formatting_info=True, ragged_rows=True
        )
    except (library.XLRDError, OSError) as error:
        if "encrypted" in str(error):
            raise EncryptedFileError(
                "the file asks for a password: save a copy without one and ingest that."
            ) from error
        raise BrokenFileError(
            f"the file is no readable Excel workbook ({error}): open it in Excel and save it as .xlsx."
        ) from error
    return cast("_Book", book)


def _workbook(content: bytes) -> bytes:
    """The records of the workbook. Those of Excel 4 and before are the file itself.

    Raises:
        OSError: the container is damaged, or holds no workbook.
    """
    library = cast("Any", olefile)
    if not content.startswith(library.MAGIC):
        return content
    container = library.OleFileIO(io.BytesIO(content))
    for name in _STREAMS:
        if container.exists(name) and (workbook := container.openstream(name).read()):
            return workbook
    raise OSError("it holds no workbook")


def _read_sheet(book: _Book, sheet: _Sheet, budget: CellBudget) -> Grid:
    grid = Grid()
    for top, bottom, left, right in sheet.merged_cells:
        grid.merges.append(Merge(top, left, bottom - 1, right - 1))
    for number in range(sheet.nrows):
        cells = sheet.row(number)
        budget.take(len(cells))
        for column, cell in enumerate(cells):
            text = _shown(book, cell)
            if text:
                grid.put(number, column, text)
    return grid


def _shown(book: _Book, cell: _Cell) -> str:
    if cell.ctype in (_NUMBER, _DATE):
        return _number(book, float(cell.value), cell.xf_index)
    if cell.ctype == _BOOLEAN:
        return "TRUE" if cell.value else "FALSE"
    if cell.ctype == _ERROR:
        return str(cast("Any", xlrd).error_text_from_code.get(cell.value, ""))
    return str(cell.value) if cell.ctype == _TEXT else ""


def _number(book: _Book, value: float, style: int) -> str:
    stated = book.format_map.get(book.xf_list[style].format_key) if 0 <= style < len(book.xf_list) else None
    code = "" if stated is None else str(stated.format_str)
    if not code or code.lower() == "general":
        return show_plain(value)
    return show_number(value, read_format(code), from_1904=book.datemode == 1)
