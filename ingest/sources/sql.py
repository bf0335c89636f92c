"""Rows of a database as sources: each row that a query gives is a document.

A row needs a column ``id``, stable from run to run, and one of text (``body``, ``text`` or ``content``);
``title`` and ``format`` are taken for what they say, and every other column is metadata.
"""

from __future__ import annotations

import datetime
import decimal
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

from ingest.document import MetadataValue
from ingest.errors import EmptyFileError, MetadataError, ParseError, QueryError, UnknownFormatError
from ingest.formats import SUPPORTED_SUFFIXES
from ingest.sources.metadata import ACL, check_key, check_value
from ingest.sources.source import SourceBytes, SourceFailure
from ingest.sources.sql_query import checked_query

_TEXT_COLUMNS = ("body", "text", "content")
_FORMATS = {
    "markdown": ".md",
    "text": ".txt",
    "plain": ".txt",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/html": ".html",
    "application/pdf": ".pdf",
    "application/json": ".json",
}
_HTML = re.compile(
    r"\s*<(?:!doctype|[a-z][a-z0-9]*\b)[^<]*>.*</[a-z][a-z0-9]*\s*>\s*\Z", re.IGNORECASE | re.DOTALL
)
_MARKDOWN = re.compile(r"^(?:#{1,6} \S|```|~~~|\|.+\|[ \t]*\n\|[ :|-]+\|)|\]\(https?://", re.MULTILINE)
_UNSAFE_IN_NAME = re.compile(r"[/\\\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class RowColumns:
    """Which column is what, in either case; ``text`` None stands for the first of body, text and content."""

    id: str = "id"
    title: str = "title"
    text: str | None = None
    format: str = "format"


@dataclass(frozen=True, slots=True)
class RowQuery:
    """A query on a database. ``url`` may hold a password.

    ``name`` stands in the rows' addresses, so that they stay the same when the query is reworded; without
    one a digest of the query does, and another query's rows are other documents.
    """

    url: str
    query: str
    name: str | None = None
    columns: RowColumns = RowColumns()


def rows_address(query: RowQuery) -> str:
    """What the addresses of all rows of a query begin with; whoever reads them has no part in it.

    Raises:
        QueryError, PathNotFoundError, MissingExtraError: as ``read_rows``.
    """
    from ingest.sources.sql_database import database_place, database_url

    words = " ".join(checked_query(query.query).split())
    name = query.name or hashlib.sha256(words.encode()).hexdigest()[:12]
    return f"sql://{database_place(database_url(query.url))}/{quote(name, safe='')}/"


def read_rows(
    query: RowQuery, metadata: Mapping[str, MetadataValue] | None = None
) -> Iterator[SourceBytes | SourceFailure]:
    """The rows, one by one as they come; ``metadata`` is stated of all and overrides their columns.

    Raises:
        QueryError: the URL or the query cannot be used, or the columns that are needed are not there.
        PathNotFoundError: an SQLite file does not exist.
        DatabaseError: the database cannot be reached, or fails while it is read.
        MissingExtraError: SQLAlchemy or the database's driver is not installed.
    """
    address = rows_address(query)
    from ingest.sources.sql_database import RowStream, database_url

    seen: set[str] = set()
    with RowStream(database_url(query.url), checked_query(query.query)) as rows:
        places = _Places.of(rows.columns, query.columns)
        for number, row in enumerate(rows, 1):
            uri = f"{address}row-{number}"
            try:
                key = _key(row[places.id], number)
                uri = address + quote(key, safe="")
                if key in seen:
                    raise MetadataError(f"the id {key!r} comes twice: select a column that tells rows apart.")
                seen.add(key)
                yield _source(uri, key, row, places, metadata or {})
            except ParseError as error:
                yield SourceFailure(uri, error)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where in a row each thing stands; None for a column that is not there."""

    id: int
    text: int
    title: int | None
    format: int | None
    others: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, columns: Sequence[str], wanted: RowColumns) -> _Places:
        """The places by the columns' names.

        Raises:
            QueryError: a column is missing, or two have the same name.
        """
        names = [name.lower() for name in columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise QueryError(f"the query gives two columns named {twice[0]!r}: rename one with AS.")
        found = {name: place for place, name in enumerate(names)}
        listed = ", ".join(columns)
        texts = (wanted.text.lower(),) if wanted.text else _TEXT_COLUMNS
        text = next((found[name] for name in texts if name in found), None)
        if wanted.id.lower() not in found or text is None:
            missing = wanted.id if wanted.id.lower() not in found else " or ".join(texts)
            raise QueryError(
                f"the query gives the columns {listed}, and none is {missing}: name one so with AS."
            )
        title, kind = found.get(wanted.title.lower()), found.get(wanted.format.lower())
        used = {found[wanted.id.lower()], text, title, kind}
        try:
            others = tuple((place, check_key(name)) for place, name in enumerate(names) if place not in used)
        except MetadataError as error:
            raise QueryError(
                f"the query gives a column that cannot be kept ({error}): name it with AS."
            ) from error
        return cls(found[wanted.id.lower()], text, title, kind, others)


def _key(value: object, number: int) -> str:
    content = _bytes(value)
    key = str(value).strip() if content is None else content.hex()
    if value is None or not key:
        raise MetadataError(f"row {number} has no id: select a column that is never NULL or blank.")
    return key


def _source(
    uri: str, key: str, row: Sequence[object], places: _Places, stated: Mapping[str, MetadataValue]
) -> SourceBytes:
    title = row[places.title] if places.title is not None else None
    content, suffix = _content(
        row[places.text], row[places.format] if places.format is not None else None, uri
    )
    found = ((name, _metadata_value(name, row[place])) for place, name in places.others if name not in stated)
    own = {name: value for name, value in found if value is not None}
    return SourceBytes(
        uri,
        _UNSAFE_IN_NAME.sub("_", key) + suffix,
        content,
        {**own, **stated},
        str(title).strip() or None if title is not None else None,
    )


def _content(value: object, stated_format: object, uri: str) -> tuple[bytes, str]:
    """The bytes of a row's document, and the suffix that tells their format."""
    suffix = _stated_suffix(stated_format)
    content = _bytes(value)
    if content is not None:
        if not content:
            raise EmptyFileError(f"{uri} is empty: there is nothing to ingest.")
        return content, suffix or ""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str).encode(), suffix or ".json"
    text = "" if value is None else str(value)
    if not text.strip():
        raise EmptyFileError(f"{uri} holds no text: leave such rows out of the query.")
    return text.encode("utf-8", errors="replace"), suffix or _sniffed_suffix(text)


def _bytes(value: object) -> bytes | None:
    return bytes(cast("bytes", value)) if isinstance(value, (bytes, memoryview)) else None


def _stated_suffix(value: object) -> str | None:
    name = str(value).strip().lower().lstrip(".") if value is not None else ""
    if not name:
        return None
    suffix = _FORMATS.get(name, f".{name}")
    if suffix not in SUPPORTED_SUFFIXES:
        raise UnknownFormatError(
            f"the row's format is {name!r}, which is not read: say text, markdown, html or pdf."
        )
    return suffix


def _sniffed_suffix(text: str) -> str:
    if _HTML.match(text):
        return ".html"
    return ".md" if _MARKDOWN.search(text) else ".txt"


def _metadata_value(name: str, value: object) -> MetadataValue | None:
    """A column's value as it is kept; None for what says nothing (NULL) or is no metadata (bytes).

    Raises:
        MetadataError: the access list is none.
    """
    if name == ACL:
        return _acl(value)
    if isinstance(value, decimal.Decimal):
        value = int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or _bytes(value) is not None:
        return None
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    try:
        return check_value(name, value)
    except MetadataError:
        nested = isinstance(value, (dict, list))
        return json.dumps(value, ensure_ascii=False, default=str) if nested else str(value)


def _acl(value: object) -> MetadataValue:
    """A list, its JSON text, or names with commas between them; NULL may be a mistake, and is refused."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise MetadataError(
                "'acl' begins as a JSON list and is none: correct it in the database."
            ) from error
    try:
        return check_value(ACL, value)
    except MetadataError as error:
        raise MetadataError(f"{error}: rows for all need a query without that column.") from error
