"""JSON Lines -> a block for each record, or one table where all records are flat and alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

from ingest.document import BlockKind, MetadataValue
from ingest.errors import BrokenFileError
from ingest.parsers.decode import decode_text
from ingest.parsers.records import Value, lines, table
from ingest.parsers.text_builder import ParsedFile, TextBuilder

_MAX_BAD_SHARE = 0.05
"""Up to this share of lines that are no JSON (cut off, garbled) is left out; metadata says how many."""


def parse(content: bytes) -> ParsedFile:
    """The records of a file that holds one JSON value on each line."""
    return parse_source(decode_text(content))


def parse_source(text: str) -> ParsedFile:
    """As ``parse``, for a file already decoded and cleaned."""
    builder = TextBuilder()
    try:
        records, skipped = _records(text)
        rows = table(records)
        if rows is not None:
            builder.add_table(rows, header_rows=1)
        else:
            for record in records:
                builder.add(BlockKind.PARAGRAPH, "\n".join(lines(record)))
    except RecursionError as error:
        raise too_deep() from error
    metadata: dict[str, MetadataValue] = {"skipped_lines": skipped} if skipped else {}
    return builder.build(metadata=metadata)


def read_value(text: str) -> Value:
    """One JSON value with its numbers as they are written, ``true``, ``false`` and ``null`` as words.

    Raises:
        json.JSONDecodeError, RecursionError: it is none, or is nested too deep.
    """
    loaded: object = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    return _worded(loaded)


def too_deep() -> BrokenFileError:
    """The error for values within values beyond all use."""
    return BrokenFileError("its values are nested too deep: flatten them.")


def _worded(loaded: object) -> Value:
    if isinstance(loaded, str):
        return loaded
    if isinstance(loaded, dict):
        return {key: _worded(value) for key, value in cast("dict[str, object]", loaded).items()}
    if isinstance(loaded, list):
        return [_worded(value) for value in cast("list[object]", loaded)]
    return "" if loaded is None else str(loaded).lower()


def _records(text: str) -> tuple[list[Value], int]:
    """The values of all lines that hold one, and how many do not."""
    records: list[Value] = []
    bad: list[tuple[int, str]] = []
    for number, line in _written_lines(text):
        try:
            records.append(read_value(line))
        except json.JSONDecodeError as error:
            bad.append((number, error.msg))
    if len(bad) > _MAX_BAD_SHARE * (len(bad) + len(records)):
        number, reason = bad[0]
        raise BrokenFileError(
            f"line {number} is no valid JSON ({reason}), as {len(bad)} of "
            f"{len(bad) + len(records)} lines are not: mend them."
        )
    return records, len(bad)


def _written_lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line
