"""A document inside of another (a chapter of a book, the page in a message) -> blocks of the outer one."""

from __future__ import annotations

from ingest.document import Block, BlockKind
from ingest.parsers.text_builder import ParsedFile, TextBuilder


def append_parsed(builder: TextBuilder, inner: ParsedFile, below: int = 0) -> None:
    """Append all blocks of ``inner``, its headings ``below`` levels deeper than they are there."""
    for block in inner.blocks:
        text = inner.text[block.start : block.end]
        if block.kind is BlockKind.HEADING:
            builder.add_heading(text, below + len(block.heading_path))
        elif block.kind is BlockKind.TABLE:
            builder.add_table(text.split("\n"), _header_rows(inner, block))
        else:
            builder.add(block.kind, text)


def _header_rows(inner: ParsedFile, table: Block) -> int:
    if table.header is None:
        return 0
    start, end = table.header
    return inner.text[start:end].count("\n") + 1
