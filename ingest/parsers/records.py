"""Nested values (of JSON, or of XML that holds data) -> lines "path: value" and tables of records.

A record is a mapping from names to values; a value is a text, a list or a record. Numbers stay as the file
writes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from ingest.parsers.tables import row_line

Value = str | Sequence["Value"] | Mapping[str, "Value"]

_MAX_CELL_CHARACTERS = 200
_MAX_LIST_CHARACTERS = 300
_MIN_FILLED_SHARE = 0.5
_MAX_PREFIX_CHARACTERS = 500
"""Longer paths are shortened: each value below repeats them, and a key may be of any length."""

_TITLE_KEYS = ("title", "name", "标题", "名称")


def is_record(value: Value) -> TypeGuard[Mapping[str, Value]]:
    """Whether ``value`` is a mapping."""
    return isinstance(value, Mapping)


def is_list(value: Value) -> TypeGuard[Sequence[Value]]:
    """Whether ``value`` is a list, which a text is not."""
    return not isinstance(value, (str, Mapping))


def lines(value: Value, path: str = "") -> Iterator[str]:
    """``value`` as lines "path: text"; a short list of texts stands on one line."""
    if isinstance(value, str):
        if value.strip():
            yield f"{path}: {value}" if path else value
    elif is_record(value):
        prefix = f"{_shortened(path)}." if path else ""
        for key, inner in value.items():
            yield from lines(inner, f"{prefix}{key}")
    elif is_list(value):
        joined = list_line(value)
        if joined is not None:
            yield from lines(joined, path)
            return
        prefix = _shortened(path)
        for index, inner in enumerate(value):
            yield from lines(inner, f"{prefix}[{index}]")


def list_line(values: Sequence[Value]) -> str | None:
    """A list of short texts on one line; None for any other."""
    texts: list[str] = []
    length = 0
    for value in values:
        length += len(value) + 2
        if not isinstance(value, str) or "\n" in value or length > _MAX_LIST_CHARACTERS:
            return None
        texts.append(value)
    return ", ".join(texts)


def table(records: Sequence[Value]) -> list[str] | None:
    """Records as the rows of a table, the names of their fields first; None where they make none.

    They do when there are two or more, all flat and with short values, and most have most of the fields.
    """
    names: dict[str, None] = {}
    filled = 0
    rows: list[Mapping[str, str]] = []
    for record in records:
        row = _flat(record)
        if row is None:
            return None
        rows.append(row)
        filled += len(row)
        names.update(dict.fromkeys(row))
    if len(rows) < 2 or not names or filled < _MIN_FILLED_SHARE * len(rows) * len(names):
        return None
    return [row_line(list(names)), *(row_line([row.get(name, "") for name in names]) for row in rows)]


def title_of(value: Value) -> str | None:
    """What a record calls itself, if it does."""
    if is_record(value):
        for key in _TITLE_KEYS:
            title = value.get(key)
            if isinstance(title, str) and title.strip() and "\n" not in title:
                return title.strip()
    return None


def _flat(record: Value) -> Mapping[str, str] | None:
    if not is_record(record):
        return None
    row: dict[str, str] = {}
    for name, value in record.items():
        text = value if isinstance(value, str) else (list_line(value) if is_list(value) else None)
        if text is None or len(text) > _MAX_CELL_CHARACTERS or "\n" in text.strip():
            return None
        row[name] = text.strip()
    return row


def _shortened(path: str) -> str:
    return path if len(path) <= _MAX_PREFIX_CHARACTERS else f"…{path[-_MAX_PREFIX_CHARACTERS // 2 :]}"
