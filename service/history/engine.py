"""The database behind a history: one SQLite file, or a PostgreSQL server.

SQLite is in WAL mode: other processes read it (``troika finetune data mine``) while the server writes.
``synchronous = NORMAL`` may lose the last moments before a power cut, and never corrupts. What is deleted is
overwritten, since people may ask for it.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Engine, QueuePool, create_engine, make_url
from sqlalchemy.exc import ArgumentError

from ingest.errors import SettingsError
from ingest.optional import require

BUSY_SECONDS = 5.0
CONNECT_SECONDS = 10
_PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "secure_delete = ON")
_DRIVER = "postgresql+psycopg"


def open_file(path: Path) -> Engine:
    """The SQLite file at ``path``, made with its folder where missing once it is used.

    It has one connection, for which threads wait: SQLite lets one write at a time, and waiting in the file's
    own lock is slower.
    """
    path.parent.mkdir(parents=True, exist_ok=True)

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level="IMMEDIATE"
        )
        try:
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    return create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=1, max_overflow=0, hide_parameters=True
    )


def open_server(url: str) -> Engine:
    """The PostgreSQL database that ``url`` names.

    Raises:
        SettingsError: it names none.
        MissingExtraError: the driver is not installed.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in {"postgresql", "postgres", _DRIVER} or not parsed.database:
        raise SettingsError(
            "history.url names no PostgreSQL database: write it as "
            "postgresql://user:password@host/database, or leave it out for a file of the home."
        )
    require("psycopg", extra="postgres")
    return create_engine(
        parsed.set(drivername=_DRIVER),
        connect_args={"connect_timeout": CONNECT_SECONDS},
        pool_pre_ping=True,  # the server may have been restarted since the last answer
        hide_parameters=True,
    )
