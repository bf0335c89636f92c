"""RTF -> blocks: headings by style or outline level, paragraphs, lists, tables, footnotes.

Headers, footers, comments, hidden and deleted text are left out. An own reader, because the libraries there
are lose headings, footnotes and the columns of tables, and decode East Asian files by the wrong font.
"""

from __future__ import annotations

from ingest.document import BlockKind, MetadataValue
from ingest.errors import BrokenFileError
from ingest.parsers.grid import CellBudget, header_rows, write_rows
from ingest.parsers.rtf_text import Paragraph, Row, RtfReader
from ingest.parsers.text_builder import ParsedFile, TextBuilder, clean_text, collapse_space
from ingest.parsers.titles import first_usable_title

_PROPERTIES = {"author": "author", "subject": "subject", "keywords": "keywords", "doccomm": "description"}
_INDENT = "  "


def parse(content: bytes) -> ParsedFile:
    """All text; the title is the paragraph of style Title, else the stated one, else the first heading."""
    start = content.find(b"{\\rtf")
    if start < 0:
        raise BrokenFileError("the file does not begin as RTF does: save it again as RTF.")
    reader = RtfReader(content[start:])
    writer = _BlockWriter()
    for item in reader.read():
        writer.write(item)
    return writer.build(reader.info)


class _BlockWriter:
    """Joins list items to lists and rows to tables."""

    def __init__(self) -> None:
        self._builder = TextBuilder()
        self._items: list[str] = []
        self._rows: list[Row] = []
        self._budget = CellBudget()
        self._title: str | None = None
        self._first_heading: str | None = None

    def write(self, item: Paragraph | Row) -> None:
        """The next paragraph or row."""
        if isinstance(item, Row):
            self._flush_items()
            self._budget.take(len(item.cells))
            self._rows.append(item)
            return
        self._flush_rows()
        if item.marker and item.level is None:
            self._items.append(_item_line(item))
            return
        self._flush_items()
        level = 1 if item.is_title else item.level
        if level is None:
            self._builder.add(BlockKind.PARAGRAPH, item.text)
            return
        self._builder.add_heading(item.text, level)
        self._first_heading = self._first_heading or item.text
        self._title = self._title or (item.text if item.is_title else None)

    def build(self, info: dict[str, str]) -> ParsedFile:
        """All that was written."""
        self._flush_items()
        self._flush_rows()
        metadata: dict[str, MetadataValue] = {}
        for name, key in _PROPERTIES.items():
            value = collapse_space(clean_text(info.get(name, "")))
            if value:
                metadata[key] = value
        title = first_usable_title((self._title, info.get("title"), self._first_heading))
        return self._builder.build(title, metadata)

    def _flush_items(self) -> None:
        self._builder.add(BlockKind.LIST, "\n".join(self._items))
        self._items = []

    def _flush_rows(self) -> None:
        texts = [
            {
                column: clean
                for column, text in enumerate(row.cells)
                if (clean := collapse_space(clean_text(text)))
            }
            for row in self._rows
        ]
        if any(texts):
            marked = sum(row.is_header for row in self._rows)
            found = header_rows(texts, [0] * len(texts))
            write_rows(self._builder, texts, min(marked, len(texts) - 1) or found)
        self._rows = []


def _item_line(item: Paragraph) -> str:
    named = any(character.isalnum() for character in item.marker)
    marker = collapse_space(clean_text(item.marker)) if named else "-"
    return f"{_INDENT * item.indent}{marker} {collapse_space(clean_text(item.text))}"
