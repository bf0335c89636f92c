"""What earlier runs learnt about sources, so that the next one need not read them all again.

It lives beside the collections and is no part of a snapshot: where it is lost, files are read once more and
failed ones are tried once more, and that is all.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.report import Failure
from ingest.sources.source import Stamp

_SCHEMA = """
CREATE TABLE IF NOT EXISTS stamps (
    uri TEXT PRIMARY KEY, size INTEGER, modified_ns INTEGER, etag TEXT NOT NULL, sha256 TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS failures (
    uri TEXT PRIMARY KEY, key TEXT NOT NULL, parsers TEXT NOT NULL, failures TEXT NOT NULL,
    wholly INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS parses (uri TEXT PRIMARY KEY, parsed_by TEXT NOT NULL) STRICT;
-- Failures used to be kept without the limits that they hung on: what has one is parsed again.
INSERT OR IGNORE INTO parses SELECT uri, parsers || '#' FROM failures WHERE NOT wholly;
"""
_SETTLED_NS = 2_000_000_000
"""A file that changed so shortly before it was read may change again within the clock's own step."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    stamp: Stamp
    sha256: str


class SourceMemory:
    """Content hashes by size and time of change, what parsed each source, and failures by content."""

    def __init__(self, path: Path, *, keep: bool = True) -> None:
        """With ``keep`` off, what is learnt is forgotten again, and nothing is written."""
        self._connection = _open(path) if keep else _copy(path)
        rows = self._connection.execute("SELECT uri, size, modified_ns, etag, sha256 FROM stamps")
        self._known = {row[0]: _Remembered(Stamp(*row[1:4]), row[4]) for row in rows}
        self._changed: dict[str, _Remembered] = {}
        self._parsed_by = dict(self._connection.execute("SELECT uri, parsed_by FROM parses"))
        self._parsed_anew: dict[str, str] = {}
        self._failed = {row[0] for row in self._connection.execute("SELECT uri FROM failures")}

    def sha256(self, uri: str, stamp: Stamp) -> str | None:
        """The hash of a source whose stamp is what it was; None for one that must be read."""
        known = self._known.get(uri)
        return known.sha256 if known is not None and known.stamp == stamp else None

    def stamp(self, uri: str) -> Stamp | None:
        """What told the version of a source that was read last."""
        known = self._known.get(uri)
        return known.stamp if known else None

    def remember(self, uri: str, stamp: Stamp, sha256: str) -> None:
        """Keep the hash of a source that was read, unless it changed a moment ago."""
        if stamp.modified_ns is not None and time.time_ns() - stamp.modified_ns < _SETTLED_NS:
            return
        self._known[uri] = self._changed[uri] = _Remembered(stamp, sha256)

    def parsed_by(self, uri: str) -> str | None:
        """The fingerprint (``ParseFingerprint``) of the parse that a source was read by last."""
        return self._parsed_by.get(uri)

    def remember_parse(self, uri: str, parsed_by: str) -> None:
        """Keep the fingerprint of the parse that a source was read by."""
        if self._parsed_by.get(uri) != parsed_by:
            self._parsed_by[uri] = self._parsed_anew[uri] = parsed_by

    def failures(self, uri: str, key: str, parsers: str) -> list[Failure]:
        """What failed of this very version of a source, when these parsers read it."""
        if uri not in self._failed:
            return []
        query = "SELECT failures FROM failures WHERE uri = ? AND key = ? AND parsers = ?"
        rows = self._connection.execute(query, (uri, key, parsers)).fetchall()
        return [Failure(**failure) for failure in json.loads(rows[0][0])] if rows else []

    def has_failed_wholly(self, uri: str, key: str, parsers: str) -> bool:
        """Whether nothing of this very version of a source could be read by these parsers."""
        query = "SELECT 1 FROM failures WHERE uri = ? AND key = ? AND parsers = ? AND wholly"
        return bool(self._connection.execute(query, (uri, key, parsers)).fetchone())

    def remember_failures(
        self, uri: str, key: str, parsers: str, failures: Iterable[Failure], *, wholly: bool
    ) -> None:
        """Keep what failed of a source in place of what failed before; ``wholly`` if nothing was read."""
        found = [asdict(failure) for failure in failures]
        with self._connection:
            if found:
                values = (uri, key, parsers, json.dumps(found), wholly)
                self._connection.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?)", values)
                self._failed.add(uri)
            elif uri in self._failed:
                self._failed.remove(uri)
                self._connection.execute("DELETE FROM failures WHERE uri = ?", (uri,))

    def close(self) -> None:
        """Write what was learnt, and close."""
        rows = [
            (uri, seen.stamp.size, seen.stamp.modified_ns, seen.stamp.etag, seen.sha256)
            for uri, seen in self._changed.items()
        ]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO stamps VALUES (?, ?, ?, ?, ?)", rows)
            parsed = self._parsed_anew.items()
            self._connection.executemany("INSERT OR REPLACE INTO parses VALUES (?, ?)", parsed)
        self._connection.close()


def _open(path: Path) -> sqlite3.Connection:
    """The file at ``path``, made anew where it is damaged."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _connect(path)
    except sqlite3.OperationalError:
        raise  # the disk, not the file
    except sqlite3.DatabaseError:
        path.unlink()
        return _connect(path)


def _copy(path: Path) -> sqlite3.Connection:
    """What the file at ``path`` holds, in memory; nothing where it cannot be read."""
    copy = sqlite3.connect(":memory:")
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
    ):
        source.backup(copy)
    copy.executescript(_SCHEMA)
    return copy


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(_SCHEMA)
    return connection
