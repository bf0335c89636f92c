"""The API keys of a home, in one SQLite file, which the command line writes and servers read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ingest.errors import DatabaseError, KeyNameError, KeyNotFoundError
from service.access.keys import ApiKey, KeyGrant, new_key, split_key

KEYS_FILE = "keys.sqlite"
BUSY_SECONDS = 5.0
_COLUMNS = "id, grant_json, salt, digest, created_at, expires_at, revoked_at"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, grant_json TEXT NOT NULL, salt BLOB NOT NULL, digest BLOB NOT NULL,
    created_at TEXT NOT NULL, expires_at TEXT, revoked_at TEXT
) STRICT
"""
_GRANTS = TypeAdapter(KeyGrant)


class KeyStore:
    """The keys; for use from one thread at a time."""

    def __init__(self, home: Path) -> None:
        """Open the file, and make it where it is missing: for its owner alone.

        Raises:
            DatabaseError: it cannot be opened, or is no file of keys.
        """
        self._path = home / KEYS_FILE
        with self._failing_clearly():
            home.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
        try:
            with self._failing_clearly():
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute(_SCHEMA)
        except DatabaseError:
            self._connection.close()
            raise

    def create(self, grant: KeyGrant, expires_at: datetime | None = None) -> tuple[str, ApiKey]:
        """A new key, which is told only here, and what is kept of it.

        Raises:
            KeyNameError: a valid key has that name.
        """
        with self._alone():
            if self._valid(grant.name):
                raise KeyNameError(f"a key named {grant.name!r} is valid already: rotate it or revoke it.")
            return self._add(grant, expires_at)

    def rotate(self, name: str, overlap: timedelta = timedelta()) -> tuple[str, ApiKey]:
        """A new key with the grant and the end of the newest of that name; the others end after ``overlap``.

        Raises:
            KeyNotFoundError: no valid key has that name.
        """
        with self._alone():
            others = self._require_valid(name)
            self._set("expires_at", datetime.now(UTC) + overlap, others)
            return self._add(others[-1].grant, others[-1].expires_at)

    def revoke(self, name_or_id: str) -> list[ApiKey]:
        """End one key by its id, or every valid one of a name, now; gives those that were ended.

        Raises:
            KeyNotFoundError: there is no such valid key.
        """
        with self._alone():
            ended = self._require_valid(name_or_id)
            self._set("revoked_at", datetime.now(UTC), ended)
            return ended

    def all(self) -> list[ApiKey]:
        """All keys, oldest first; also those that have ended."""
        with self._failing_clearly():
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM keys ORDER BY created_at, rowid"
            ).fetchall()
        return [_key(row) for row in rows]

    def version(self) -> int:
        """A number that changes when another connection has written."""
        with self._failing_clearly():
            return self._connection.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _valid(self, name_or_id: str) -> list[ApiKey]:
        now = datetime.now(UTC)
        return [key for key in self.all() if name_or_id in (key.id, key.grant.name) and key.is_valid(now)]

    def _require_valid(self, name_or_id: str) -> list[ApiKey]:
        # Who pastes a whole key means its id, and must not find the secret in a message.
        split = split_key(name_or_id)
        wanted = split[0] if split else name_or_id
        found = self._valid(wanted)
        if not found:
            raise KeyNotFoundError(
                f"no valid key has the name or id {wanted[:70]!r}: `troika keys list` shows what there is."
            )
        return found

    def _add(self, grant: KeyGrant, expires_at: datetime | None) -> tuple[str, ApiKey]:
        told, key = new_key(grant, expires_at)
        row = (
            key.id,
            _GRANTS.dump_json(grant).decode(),
            key.salt,
            key.digest,
            key.created_at.isoformat(),
            expires_at and expires_at.isoformat(),
            None,
        )
        self._connection.execute(f"INSERT INTO keys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return told, key

    def _set(self, column: str, moment: datetime, keys: Sequence[ApiKey]) -> None:
        """Let ``column`` of the keys be the moment, where it is not an earlier one."""
        self._connection.executemany(
            f"UPDATE keys SET {column} = min(coalesce({column}, ?1), ?1) WHERE id = ?2",
            [(moment.isoformat(), key.id) for key in keys],
        )

    @contextmanager
    def _alone(self) -> Generator[None]:
        """One change at a time among all processes, whole or not at all."""
        with self._failing_clearly():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def _failing_clearly(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise DatabaseError(
                f"{self._path} cannot be used as the file of keys ({error}): expected an SQLite file that "
                "`troika keys` wrote and this user may read and write."
            ) from error


def _key(row: Sequence[Any]) -> ApiKey:
    key_id, grant, salt, digest, *moments = row
    created, expires, revoked = (text and datetime.fromisoformat(text) for text in moments)
    return ApiKey(key_id, _GRANTS.validate_json(grant), salt, digest, created, expires, revoked)
