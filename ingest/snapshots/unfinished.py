"""Work of a run that has not published yet, kept so that a run that follows an interrupted one goes on.

Parsed parts are kept by the content they came from, vectors by the text that was embedded and the embedder.
Publishing deletes all of it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ingest.embed import Vector

_SCHEMA = """
CREATE TABLE IF NOT EXISTS parsed (
    key TEXT NOT NULL, position INTEGER NOT NULL, part BLOB NOT NULL, PRIMARY KEY (key, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS finished (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""
_COMMIT_SECONDS = 1.0


class UnfinishedWork:
    """What may be lost of it by a crash is the last second; what is there is whole."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._connection = _open(path)
        self._committed = time.monotonic()

    def parts(self, key: str) -> list[bytes] | None:
        """The parsed parts of the content that ``key`` tells, in order; None if it was not parsed wholly."""
        if not self.has_parts(key):
            return None
        rows = self._connection.execute("SELECT part FROM parsed WHERE key = ? ORDER BY position", (key,))
        return [row[0] for row in rows]

    def has_parts(self, key: str) -> bool:
        """Whether the content that ``key`` tells was parsed wholly."""
        return bool(self._connection.execute("SELECT 1 FROM finished WHERE key = ?", (key,)).fetchone())

    def keep_part(self, key: str, position: int, part: bytes) -> None:
        """Keep one part; they count only once ``finish_parts`` was called."""
        self._connection.execute("INSERT OR REPLACE INTO parsed VALUES (?, ?, ?)", (key, position, part))

    def forget_parts(self, key: str) -> None:
        """The content that ``key`` tells is to be parsed once more."""
        self._connection.execute("DELETE FROM finished WHERE key = ?", (key,))

    def finish_parts(self, key: str, count: int) -> None:
        """All parts of this content were kept, ``count`` of them; what an earlier result had more of goes."""
        self._connection.execute("DELETE FROM parsed WHERE key = ? AND position >= ?", (key, count))
        self._connection.execute("INSERT OR REPLACE INTO finished VALUES (?)", (key,))
        self._commit_in_time()

    def vectors(self, keys: Sequence[bytes]) -> dict[bytes, Vector]:
        """The vectors that are kept for ``keys`` (500 at most), each of shape (dimension,), float32."""
        marks = ",".join("?" * len(keys))
        rows = self._connection.execute(
            f"SELECT key, vector FROM vectors WHERE key IN ({marks})", tuple(keys)
        )
        return {key: np.frombuffer(vector, dtype=np.float32) for key, vector in rows}

    def keep_vectors(self, vectors: Iterable[tuple[bytes, Vector]]) -> None:
        """Keep vectors, each of shape (dimension,), float32, by what tells their text."""
        rows = [(key, np.ascontiguousarray(vector, dtype=np.float32).tobytes()) for key, vector in vectors]
        self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        self._commit_in_time()

    def clear(self) -> None:
        """Forget everything: it was published."""
        self._connection.close()
        _delete(self._path)
        self._connection = _open(self._path)

    def close(self) -> None:
        """Keep what there is for the next run."""
        self._connection.commit()
        self._connection.close()

    def _commit_in_time(self) -> None:
        if time.monotonic() - self._committed > _COMMIT_SECONDS:
            self._connection.commit()
            self._committed = time.monotonic()


def _open(path: Path) -> sqlite3.Connection:
    """The file at ``path``, made anew where it is damaged."""
    try:
        return _connect(path)
    except sqlite3.OperationalError:
        raise  # the disk, not the file
    except sqlite3.DatabaseError:
        _delete(path)
        return _connect(path)


def _delete(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(_SCHEMA)
    return connection
