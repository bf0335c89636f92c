"""Nested values -> blocks: lines for what is small, headings for what is large, tables of flat records."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.document import BlockKind
from ingest.parsers.records import Value, is_list, is_record, lines, list_line, table, title_of
from ingest.parsers.text_builder import TextBuilder

_MAX_HEADING_LEVEL = 6
_MAX_SMALL_FIELDS = 12


def write_value(builder: TextBuilder, value: Value, name: str, level: int) -> None:
    """Append ``value``, the large parts of it under headings of ``level`` and deeper.

    ``name`` is the key that holds it. Small parts come first, then each large one under its own key.
    """
    if is_record(value):
        small = {key: inner for key, inner in value.items() if not _is_large(inner)}
        builder.add(BlockKind.PARAGRAPH, "\n".join(lines(small)))
        for key, inner in value.items():
            if key not in small:
                builder.add_heading(key, min(level, _MAX_HEADING_LEVEL))
                write_value(builder, inner, key, level + 1)
    elif is_list(value):
        _write_list(builder, value, name, level)
    elif isinstance(value, str):
        builder.add(BlockKind.PARAGRAPH, value)


def _write_list(builder: TextBuilder, values: Sequence[Value], name: str, level: int) -> None:
    rows = table(values)
    if rows is not None:
        builder.add_table(rows, header_rows=1)
    elif all(isinstance(value, str) for value in values):
        joined = list_line(values)
        items = (f"- {value}" for value in values if isinstance(value, str) and value.strip())
        builder.add(BlockKind.LIST, "\n".join(items) if joined is None else joined)
    elif any(_is_large(value) for value in values):
        for index, value in enumerate(values):
            builder.add_heading(title_of(value) or f"{name}[{index}]", min(level, _MAX_HEADING_LEVEL))
            write_value(builder, value, name, level + 1)
    else:
        for value in values:
            builder.add(BlockKind.PARAGRAPH, "\n".join(lines(value)))


def _is_large(value: Value) -> bool:
    """Whether a value is more than a few lines below its parent's: it holds records, or many texts."""
    if is_record(value):
        return len(value) > _MAX_SMALL_FIELDS or any(_is_large(inner) for inner in value.values())
    return is_list(value) and list_line(value) is None
