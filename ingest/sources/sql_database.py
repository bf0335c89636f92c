"""Rows of a database through SQLAlchemy: streamed, and read only where the database can promise that."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, quote_plus

from sqlalchemy import URL, Connection, CursorResult, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ingest.errors import DatabaseError, MissingExtraError, PathNotFoundError, QueryError

_ROWS_AT_ONCE = 500
_CONNECT_SECONDS = 10
_SECRET_WORDS = ("pass", "secret", "token", "key", "credential")
_ASK_READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
_ALIASES = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}


class RowStream:
    """The result of one query; iterating gives its rows, of which few are held at a time."""

    def __init__(self, url: URL, query: str) -> None:
        self._url = url
        self._query = query
        self._connection: Connection | None = None
        self._result: CursorResult[tuple[object, ...]] | None = None
        self.columns: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        """Connect and run the query.

        Raises:
            DatabaseError: the database cannot be reached.
            QueryError: it refuses the query.
        """
        try:
            self._connection = _connected(_engine(self._url))
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise DatabaseError(
                f"{_shown(self._url)} cannot be opened ({_reason(error, self._url)}): check its URL and that "
                "it runs."
            ) from None  # the library's own errors may show the password
        try:
            self._result = self._connection.exec_driver_sql(
                self._query,
                # Without parameters no driver takes a percent sign or a colon in the query for one.
                execution_options={"stream_results": True, "yield_per": _ROWS_AT_ONCE, "no_parameters": True},
            )
            self.columns = tuple(self._result.keys())
        except SQLAlchemyError as error:
            self.close()
            raise QueryError(
                f"{_shown(self._url)} refuses the query ({_reason(error, self._url)}): correct the query."
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        """The rows.

        Raises:
            DatabaseError: the database fails while it is read.
        """
        try:
            for row in self._result or ():
                yield tuple(row)
        except SQLAlchemyError as error:
            raise DatabaseError(
                f"{_shown(self._url)} failed while it was read ({_reason(error, self._url)}): run it again."
            ) from None

    def close(self) -> None:
        """Give the connection back; what is left of the result is dropped."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def database_url(text: str) -> URL:
    """The URL of a database, with the driver that the extra installs where it names none.

    Raises:
        QueryError: it is no such URL.
        PathNotFoundError: it is of an SQLite file that does not exist.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise QueryError(
            "the database's URL cannot be read: write it as postgresql://user:password@host/database or "
            "sqlite:///path/to/file."
        ) from None
    url = url.set(drivername=_ALIASES.get(url.drivername, url.drivername))
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:") or str(url.database).startswith("file:"):
            raise QueryError("the SQLite URL names no file: write it as sqlite:///path/to/file.")
        path = Path(str(url.database))
        if not path.is_file():
            raise PathNotFoundError(
                f"{path} is not there, or no file: check the path of the SQLite database."
            )
        url = url.set(database=str(path.resolve()))
    return url


def database_place(url: URL) -> str:
    """Where a database is, without who reads it and how: host, port and name, or the file's path."""
    if url.get_backend_name() == "sqlite":
        return quote(str(url.database))
    port = f":{url.port}" if url.port else ""
    return f"{(url.host or 'localhost').lower()}{port}/{quote(url.database or '', safe='')}"


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            return create_engine(
                "sqlite://", creator=lambda: _open_sqlite(str(url.database)), poolclass=NullPool
            )
        arguments = {"connect_timeout": _CONNECT_SECONDS} if url.get_backend_name() == "postgresql" else {}
        return create_engine(url, connect_args=arguments, poolclass=NullPool, hide_parameters=True)
    except NoSuchModuleError:
        raise QueryError(
            f"no database is known by the name {url.drivername!r}: use postgresql, sqlite or another of "
            "SQLAlchemy's names."
        ) from None
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the driver {error.name} for {url.drivername} is not installed: install it, or the extra for "
            'PostgreSQL with pip install "troika[sql]".'
        ) from error


def _open_sqlite(path: str) -> sqlite3.Connection:
    """Open for reading only, and read even text that is not quite UTF-8."""
    connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, check_same_thread=False)
    connection.text_factory = _lenient_text
    return connection


def _lenient_text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


def _connected(engine: Engine) -> Connection:
    connection = engine.connect()
    try:
        if engine.dialect.name == "postgresql":
            return connection.execution_options(postgresql_readonly=True)
        if engine.dialect.name in _ASK_READ_ONLY:
            connection.exec_driver_sql(_ASK_READ_ONLY[engine.dialect.name])
        if engine.dialect.name == "sqlite":
            # Opening does not look at the file; this does, before the query is blamed.
            connection.exec_driver_sql("PRAGMA schema_version")
        connection.rollback()
    except BaseException:
        connection.close()
        raise
    return connection


def _reason(error: Exception, url: URL) -> str:
    """What the driver says, on one line and without secrets."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    text = re.sub(r"\s+", " ", str(cause)).strip() or type(cause).__name__
    for secret in _secrets(url):
        for form in (secret, quote(secret, safe=""), quote_plus(secret)):
            text = text.replace(form, "***")
    return text


def _secrets(url: URL) -> list[str]:
    """The password, and whatever parameters by their names may hold another; the longest first."""
    found = [str(url.password)] if url.password else []
    query: Mapping[str, tuple[str, ...] | str] = url.query
    for name, value in query.items():
        if any(word in name.lower() for word in _SECRET_WORDS):
            found.extend([value] if isinstance(value, str) else value)
    return sorted(filter(None, found), key=len, reverse=True)


def _shown(url: URL) -> str:
    return f"{url.get_backend_name()} database {database_place(url)}"
