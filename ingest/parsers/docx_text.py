"""The text of a Word paragraph and of a table, from their XML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.parsers.docx_styles import W
from ingest.parsers.tables import has_header, row_line
from ingest.parsers.text_builder import clean_text, collapse_space
from ingest.parsers.xml_tree import Element

_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_CHARACTERS = {
    f"{W}tab": "\t",
    f"{W}ptab": "\t",
    f"{W}br": "\n",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "-",
}
_NOT_SHOWN = frozenset((_FALLBACK, f"{W}del", f"{W}moveFrom", f"{W}pPr", f"{W}rPr"))
_NOTE_KINDS = {f"{W}footnoteReference": "footnote", f"{W}endnoteReference": "endnote"}
_OFF = ("0", "false", "off")


@dataclass(frozen=True, slots=True)
class TextRun:
    """A paragraph's text; the notes it refers to as (kind, id); the text boxes anchored in it."""

    text: str
    notes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    boxes: list[Element] = field(default_factory=list[Element])


def read_paragraph(paragraph: Element) -> TextRun:
    """What a reader sees of ``paragraph``: without deleted and hidden text, each text box once."""
    parts: list[str] = []
    run = TextRun("")
    _collect(paragraph, parts, run)
    return TextRun(clean_text("".join(parts)), run.notes, run.boxes)


@dataclass(frozen=True, slots=True)
class TableLines:
    """A table's rows, one line each, of which the first ``header_rows`` name the columns."""

    lines: list[str]
    header_rows: int


def read_table(table: Element) -> TableLines:
    """The rows of ``table``; those of a table within a cell follow the cell's own row.

    Rows that Word repeats on each page are its header; without such, the first row is if it looks like one.
    """
    lines: list[str] = []
    rows: list[list[str]] = []
    repeated = 0
    for row in _children(table, f"{W}tr"):
        cells, nested = _read_row(row)
        if any(cells):
            repeated += repeated == len(lines) and _is_repeated(row)
            lines.append(row_line(cells))
            rows.append(cells)
        for inner in nested:
            lines += read_table(inner).lines
    return TableLines(lines, min(repeated, len(lines) - 1) if repeated else int(has_header(rows)))


def _read_row(row: Element) -> tuple[list[str], list[Element]]:
    """The texts of a row's cells, and the tables within them."""
    cells: list[str] = []
    nested: list[Element] = []
    for cell in _children(row, f"{W}tc"):
        texts = [_cell_text(paragraph) for paragraph in _children(cell, f"{W}p")]
        cells.append(" ".join(text for text in texts if text))
        nested += _children(cell, f"{W}tbl")
    return cells, nested


def _is_repeated(row: Element) -> bool:
    mark = row.find(f"{W}trPr/{W}tblHeader")
    return mark is not None and mark.get(f"{W}val") not in _OFF


def _cell_text(paragraph: Element) -> str:
    run = read_paragraph(paragraph)
    boxed = (_cell_text(inner) for box in run.boxes for inner in box.iter(f"{W}p"))
    return collapse_space(" ".join((run.text, *boxed)))


def _children(parent: Element, tag: str) -> Iterator[Element]:
    """The children with ``tag``, also those wrapped in content controls or insertions."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in (f"{W}sdt", f"{W}sdtContent", f"{W}customXml", f"{W}ins", f"{W}moveTo"):
            yield from _children(child, tag)


def _collect(element: Element, parts: list[str], run: TextRun) -> None:
    for child in element:
        tag = child.tag
        if tag in (f"{W}t", _MATH_TEXT):
            parts.append(child.text or "")
        elif tag in _CHARACTERS:
            parts.append(_CHARACTERS[str(tag)])
        elif tag in _NOTE_KINDS:
            run.notes.append((_NOTE_KINDS[str(tag)], child.get(f"{W}id") or ""))
        elif tag == f"{W}txbxContent":
            run.boxes.append(child)
        elif tag not in _NOT_SHOWN and isinstance(tag, str) and not _is_hidden(child):
            _collect(child, parts, run)


def _is_hidden(element: Element) -> bool:
    """Whether ``element`` is a run of hidden text."""
    if element.tag != f"{W}r":
        return False
    mark = element.find(f"{W}rPr/{W}vanish")
    return mark is not None and mark.get(f"{W}val") not in _OFF
