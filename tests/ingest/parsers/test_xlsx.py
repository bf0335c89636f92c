from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import process_time

import pytest
import xlsxwriter

from ingest.document import BlockKind
from ingest.errors import BrokenFileError, FileTooLargeError, UnsafeFileError
from ingest.parsers import xls
from ingest.parsers.xlsx import parse

_SPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_Workbook = xlsxwriter.Workbook


def _saved(fill: Callable[[_Workbook], None]) -> bytes:
    buffer = io.BytesIO()
    workbook = _Workbook(buffer)
    fill(workbook)
    workbook.close()
    return buffer.getvalue()


def _with_sheet(rows: str) -> bytes:
    """A workbook whose only sheet has these ``rows`` as XML."""
    content = _saved(lambda workbook: workbook.add_worksheet("S") and None)
    sheet = f'<worksheet xmlns="{_SPACE}"><sheetData>{rows}</sheetData></worksheet>'
    return _replaced(content, "xl/worksheets/sheet1.xml", sheet.encode())


def _replaced(content: bytes, name: str, part: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", 8) as new:
        for entry in old.namelist():
            new.writestr(entry, part if entry == name else old.read(entry))
    return buffer.getvalue()


def test_sheets_are_pages_with_their_names_as_headings() -> None:
    def fill(workbook: _Workbook) -> None:
        first = workbook.add_worksheet("销售")
        for row, cells in enumerate([("城市", "数量"), ("北京", 12), ("上海", 7.5)]):
            first.write_row(row, 0, cells)
        workbook.add_worksheet("empty")
        workbook.add_worksheet("Notes").write(0, 0, "Checked by hand.")
        workbook.set_properties({"title": "Sales 2023", "author": "Ada", "keywords": "sales"})

    parsed = parse(_saved(fill))
    assert parsed.text == "销售\n\n城市 | 数量\n北京 | 12\n上海 | 7.5\n\nNotes\n\nChecked by hand."
    assert [(page.number, page.label) for page in parsed.pages] == [(1, "销售"), (3, "Notes")]
    assert parsed.pages[0].end == parsed.pages[1].start
    assert [block.heading_path for block in parsed.blocks] == [("销售",), ("销售",), ("Notes",), ("Notes",)]
    assert parsed.blocks[1].header == (4, 11)
    assert parsed.title == "Sales 2023"
    assert parsed.metadata["author"] == "Ada"
    assert parsed.metadata["keywords"] == "sales"


def test_values_are_shown_as_a_reader_sees_them() -> None:
    def fill(workbook: _Workbook) -> None:
        sheet = workbook.add_worksheet("S")
        form = {code: workbook.add_format({"num_format": code}) for code in ("yyyy/m/d", "0.0%", "$#,##0.00")}
        sheet.write_row(0, 0, ["a", "b", "c", "d", "e", "f"])
        sheet.write_datetime(1, 0, datetime(2024, 2, 29), form["yyyy/m/d"])
        sheet.write_number(1, 1, 0.153, form["0.0%"])
        sheet.write_number(1, 2, 1234.5, form["$#,##0.00"])
        sheet.write_boolean(1, 3, True)
        sheet.write_formula(1, 4, "=1+1", None, 2)
        sheet.write_rich_string(1, 5, "half ", workbook.add_format({"bold": True}), "bold", " text")

    assert "2024-02-29 | 15.3% | $1,234.50 | TRUE | 2 | half bold text" in parse(_saved(fill)).text


def test_merged_cells_are_written_out() -> None:
    def fill(workbook: _Workbook) -> None:
        sheet = workbook.add_worksheet("S")
        sheet.write_row(0, 0, ["team", "year", "sum"])
        sheet.merge_range(1, 0, 2, 0, "North")
        sheet.write_row(1, 1, [2022, 5])
        sheet.write_row(2, 1, [2023, 6])

    assert parse(_saved(fill)).text.endswith("North | 2022 | 5\nNorth | 2023 | 6")


def test_cells_without_places_and_strings_in_the_cell_are_read() -> None:
    rows = '<row><c t="inlineStr"><is><t>one</t></is></c><c><v>2</v></c></row>'
    rows += '<row><c t="str"><v>three</v></c><c t="e"><v>#N/A</v></c></row>'
    assert parse(_with_sheet(rows)).text == "S\n\none | 2\nthree | #N/A"


def test_cells_far_apart_cost_no_more_than_cells() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    start = process_time()
    assert parse(_with_sheet(rows)).text == "S\n\n1\n\n2"
    assert process_time() - start < 1


def test_a_sheet_of_too_many_cells_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.parsers.grid.MAX_CELLS", 1000)
    with pytest.raises(FileTooLargeError, match="cells"):
        parse(_with_sheet("<row>" + "<c/>" * 1001 + "</row>"))


def test_broken_references_are_passed_over() -> None:
    rows = '<row r="x"><c r="??" s="99" t="s"><v>7</v></c><c r="B1" t="s"><v>-1</v></c><c><v>nan</v></c>'
    rows += "<c><v>1e999</v></c><c><v>word</v></c></row>"
    assert parse(_with_sheet(rows)).text == "S\n\nnan | 1e999 | word"


def test_a_workbook_that_counts_from_1904_and_one_in_the_strict_namespace_are_read() -> None:
    def fill(workbook: _Workbook) -> None:
        sheet = workbook.add_worksheet("S")
        sheet.write_number(0, 0, 0, workbook.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write(0, 1, "text")

    content = _saved(fill)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        book = archive.read("xl/workbook.xml").replace(b"<workbookPr ", b'<workbookPr date1904="1" ')
    assert "1904-01-01 | text" in parse(_replaced(content, "xl/workbook.xml", book)).text
    strict = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
    for name in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            part = archive.read(name).replace(_SPACE.encode(), strict)
        content = _replaced(content, name, part)
    assert "1899-12-30 | text" in parse(content).text


def test_entities_and_damage_are_refused() -> None:
    content = _with_sheet("")
    bomb = b'<!DOCTYPE a [<!ENTITY a "b">]><worksheet/>'
    with pytest.raises(UnsafeFileError):
        parse(_replaced(content, "xl/worksheets/sheet1.xml", bomb))
    with pytest.raises(BrokenFileError, match="damaged"):
        parse(_with_sheet("<row><c>"))
    with pytest.raises(BrokenFileError):
        parse(_replaced(content, "xl/workbook.xml", b"<workbook"))


def test_thousands_of_rows_are_read_in_seconds() -> None:
    def fill(workbook: _Workbook) -> None:
        sheet = workbook.add_worksheet("S")
        for row in range(3_000):
            sheet.write_row(row, 0, [f"name {row}", row, row / 7, "some text", row * 1.5, "tail"])

    content = _saved(fill)
    start = process_time()
    assert parse(content).text.count("\n") > 3_000
    assert process_time() - start < 10


def test_old_workbooks_are_read(shared_data: Path) -> None:
    files = shared_data / "dev" / "docs" / "files"
    parsed = xls.parse((files / "poi__chinese-provinces.xls").read_bytes())
    assert parsed.text.endswith("Anhui | 安徽省\nBeijing | 北京市\nChongqing | 重庆市")
    assert parsed.pages[0].label == "provinces"
    assert parsed.blocks[-1].kind is BlockKind.TABLE


def test_an_old_word_document_is_no_workbook(shared_data: Path) -> None:
    content = (shared_data / "dev" / "docs" / "files" / "unstructured__fake.doc").read_bytes()
    with pytest.raises(BrokenFileError, match="Excel"):
        xls.parse(content)
