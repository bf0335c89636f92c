"""The rows of a file, whatever holds them: JSON Lines, one JSON array, ``{"data": [...]}``, CSV or TSV.

Each row comes as a record that knows its line, so that every complaint names the file and the line.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

from eval.jsonl import Record, read_records
from ingest.errors import CasesError

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_SNIFFED_BYTES = 4096
_ARRAY = re.compile(r'\ufeff?\s*(?:\{[^\[\]]*"data"\s*:\s*)?\[\s*(?=[{\]])')
_SPACE = re.compile(r"\s*")


def read_rows(path: Path) -> Iterator[Record]:
    """Yield the rows of a file in order; a table's cells come as texts, under their columns' names.

    Of a JSON document, one member of its array is decoded at a time.

    Raises:
        CasesError: the file cannot be read, is not UTF-8, holds no row, or a row is not as its form has it.
    """
    delimiter = _DELIMITERS.get(path.suffix.lower())
    if delimiter is not None:
        return _table_rows(path, delimiter)
    return _array_rows(path) if _is_array(path) else read_records(path)


def is_table(path: Path) -> bool:
    """Whether the file's name says that it is a table."""
    return path.suffix.lower() in _DELIMITERS


def _is_array(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _ARRAY.match(file.read(_SNIFFED_BYTES).decode("utf-8", "replace")) is not None
    except OSError:
        return False  # whoever reads it says why


def _array_rows(path: Path) -> Iterator[Record]:
    text = _decoded(path, path.read_bytes(), 1)
    opening = _ARRAY.match(text)
    position = opening.end() if opening else 0
    decoder = json.JSONDecoder()
    line, counted, empty = 1, 0, True
    while not text.startswith("]", position):
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise CasesError(
                f"{path}, line {line}: not JSON ({error}): write an array of objects."
            ) from error
        yield Record(path, line, {}).within(value, "a member of the array")
        empty = False
        position = _after_space(text, position)
        if text.startswith(",", position):
            position = _after_space(text, position + 1)
        elif not text.startswith("]", position):
            line += text.count("\n", counted, position)
            raise CasesError(f"{path}, line {line}: the array is not closed: is the file cut off?")
    if empty:
        raise CasesError(f"{path}, line 1: the array is empty: write at least one object.")


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _table_rows(path: Path, delimiter: str) -> Iterator[Record]:
    reader = csv.DictReader(_text_lines(path), delimiter=delimiter, restkey="", strict=True)
    empty = True
    try:
        for row in reader:
            record = Record(path, reader.line_num, {key.strip().lower(): cell for key, cell in row.items()})
            if "" in row:
                raise record.fail(
                    f"the row has more cells than the header's {len(row) - 1}: quote a cell that holds "
                    f"{delimiter!r}."
                )
            if None in row.values():
                raise record.fail(
                    f"the row has fewer cells than the header's {len(row)}: give every column one."
                )
            empty = False
            yield record
    except csv.Error as error:
        raise CasesError(
            f"{path}, line {reader.reader.line_num}: not a table ({error}): correct it."
        ) from error
    if empty:
        raise CasesError(f"{path}, line 1: the table has no row: write a header and one row for each case.")


def _text_lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                text = _decoded(path, line, number)
                yield text.removeprefix("\ufeff") if number == 1 else text
    except OSError as error:
        raise CasesError(f"{path} cannot be read ({error.strerror}): give a file of cases.") from error


def _decoded(path: Path, content: bytes, first_line: int) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + content.count(b"\n", 0, error.start)
        raise CasesError(
            f"{path}, line {line}: not UTF-8 ({error.reason}): save the whole file as UTF-8."
        ) from error
