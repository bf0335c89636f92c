"""Curated question-answer pairs as sources: each row of a CSV or JSON Lines file is a document.

A row has a ``question`` and an ``answer``, and may have an ``id`` (without one the question tells the row),
``aliases`` (other ways to ask; in CSV a JSON list, or texts between ``|``) and ``acl``; every other column is
metadata. The document's text is the answer and its title the question, so that both are searched, the answer
can be quoted to the character, and pruning, rollback and access lists hold as for any other document.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import quote

from ingest.document import MetadataValue
from ingest.errors import BrokenFileError, EmptyFileError, MetadataError, ParseError, PathNotFoundError
from ingest.parsers.decode import decode_text
from ingest.sources.metadata import ACL, check_key, check_value
from ingest.sources.source import SourceBytes, SourceFailure
from ingest.words.questions import normalized

FAQ_SCHEME = "faq:"
"""How the addresses of curated answers begin, and no others: metadata that a file states makes none of it."""

QUESTIONS = "questions"
"""The metadata key of a pair's question and its aliases."""

_KIND = ("kind", "faq")
_JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class _Row:
    """What a row holds by column; ``misfit`` tells of more or fewer cells than there are columns."""

    values: Mapping[str, object]
    misfit: str | None = None

    def get(self, name: str) -> object:
        return self.values.get(name)


class FaqFile:
    """A file of curated pairs, read as it is iterated over."""

    def __init__(self, path: Path, metadata: Mapping[str, MetadataValue]) -> None:
        """``metadata`` is stated of every row and overrides its columns.

        Raises:
            PathNotFoundError: the file does not exist.
        """
        if not path.is_file():
            raise PathNotFoundError(f"{path} is no file: give --faq a CSV or JSON Lines file.")
        self._path = path.resolve()
        self._metadata = metadata
        self._address = f"{FAQ_SCHEME}{self._path.as_uri().removeprefix('file:')}#"
        self._was_read = False

    def covers(self, uri: str) -> bool:
        """Whether ``uri`` would have come, were it still there; for when the file was read."""
        return self._was_read and uri.startswith(self._address)

    def read(self) -> Iterator[SourceBytes | SourceFailure]:
        """The rows in order. A file that cannot be read is one failure, and so is each bad row."""
        try:
            rows = self._rows()
        except ParseError as error:
            yield SourceFailure(self._path.as_uri(), error)
            return
        seen: set[str] = set()
        for number, row in enumerate(rows, start=1):
            uri = f"{self._address}row-{number}"
            try:
                question = _text(row, "question", number)
                key = _optional_text(row.get("id")) or _key(question)
                uri = self._address + quote(key, safe="")
                if row.misfit is not None:
                    raise MetadataError(f"row {number} has {row.misfit}")
                answer = _text(row, "answer", number)
                if key in seen:
                    raise MetadataError(f"row {number} repeats {key!r}: give rows an id of their own.")
                seen.add(key)
                metadata = {**_metadata(row, question), **self._metadata}
                yield SourceBytes(uri, "answer.txt", answer.encode(), metadata, question)
            except ParseError as error:
                yield SourceFailure(uri, error)
        self._was_read = True

    def _rows(self) -> list[_Row]:
        try:
            text = decode_text(self._path.read_bytes())
        except OSError as error:
            raise BrokenFileError(
                f"{self._path} cannot be read ({error.strerror}): see that you may."
            ) from error
        rows = _json_rows(text) if self._path.suffix.lower() in _JSON_LINES else _csv_rows(text)
        if not rows:
            raise EmptyFileError(f"{self._path} holds no row: write questions and answers into it.")
        if not any({"question", "answer"} <= row.values.keys() for row in rows):
            raise BrokenFileError(f"{self._path} has no columns question and answer: name them so.")
        return rows


def _json_rows(text: str) -> list[_Row]:
    rows: list[_Row] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BrokenFileError(
                f"line {number} is no JSON ({error}): write an object on each line."
            ) from error
        if not isinstance(row, dict):
            raise BrokenFileError(f"line {number} is no JSON object: write one on each line.")
        values = cast("dict[str, object]", row).items()
        rows.append(_Row({key.strip().lower(): value for key, value in values}))
    return rows


def _csv_rows(text: str) -> list[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        names = [name.strip().lower() for name in next(reader, list[str]())]
        return [_csv_row(names, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise BrokenFileError(
            f"the table breaks off at line {reader.line_num} ({error}): mend it."
        ) from error


def _csv_row(names: list[str], cells: list[str]) -> _Row:
    values = dict(zip(names, cells, strict=False))
    if len(cells) == len(names):
        return _Row(values)
    # What is missing, or stands one column aside, may be the list of those who may see the row.
    misfit = (
        f"{len(cells)} cells and the header names {len(names)}: write a comma for each empty cell, and quote "
        "one that holds a comma."
    )
    return _Row(values, misfit)


def _text(row: _Row, name: str, number: int) -> str:
    text = _optional_text(row.get(name))
    if text is None:
        raise EmptyFileError(f"row {number} has no {name}: write one, or leave the row out.")
    return text


def _optional_text(value: object) -> str | None:
    return None if value is None else str(value).strip() or None


def _key(question: str) -> str:
    return hashlib.sha256(normalized(question).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _metadata(row: _Row, question: str) -> dict[str, MetadataValue]:
    """What a row states besides its answer. Blank cells say nothing, but a blank ``acl`` may be a mistake.

    Raises:
        MetadataError: a value is not allowed, or the access list is none.
    """
    aliases = _list(row.get("aliases"), "aliases")
    found: dict[str, MetadataValue] = dict([_KIND])
    for name, value in row.values.items():
        if name in ("id", "question", "answer", "aliases") or (name != ACL and value in (None, "")):
            continue
        key = check_key(name)
        found[key] = check_value(key, _acl(value) if key == ACL else value)
    return found | {QUESTIONS: (question, *aliases)}


def _acl(value: object) -> object:
    is_list = isinstance(value, str) and value.lstrip().startswith("[")
    return _list(value, ACL) if is_list else value


def _list(value: object, name: str) -> tuple[str, ...]:
    """A list of texts, the JSON of one, or texts between ``|``; blank ones are left out."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise MetadataError(f"{name!r} begins as a JSON list and is none: correct it.") from error
    items = value.split("|") if isinstance(value, str) else value
    if items is None:
        return ()
    if not isinstance(items, list) or not all(isinstance(item, str) for item in cast("list[object]", items)):
        raise MetadataError(f"{name!r} is no list of texts: write one.")
    return tuple(item.strip() for item in cast("list[str]", items) if item.strip())
