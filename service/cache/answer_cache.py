"""Whole answers that were given, in one SQLite file, so that the same question is not answered twice.

An answer is kept under a *scope*, which names everything it hangs on: the snapshot, what was fitted to the
collection, the release, the prompt, the settings that shape answers and the groups that the asker is in.
Another scope never sees it.

The file is a cache and treated as one: while it is locked, full or unreadable there is nothing in it, and a
damaged one is set aside and begun anew. Threads and processes may share it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import TypeAdapter

from ingest.embed import Vector
from ingest.words.questions import normalized
from service.answer import Answer
from service.history.feedback import timestamp
from service.history.redaction import covered_answer

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 2
BUSY_SECONDS = 0.25
"""Longest wait for another process; an answer is found anew sooner than that."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY, collection TEXT NOT NULL, version TEXT NOT NULL, scope BLOB NOT NULL,
    question_key BLOB NOT NULL, question TEXT NOT NULL, first_passage TEXT NOT NULL, passages TEXT NOT NULL,
    vector BLOB, text_key BLOB NOT NULL, made TEXT NOT NULL, used INTEGER NOT NULL, answer BLOB NOT NULL,
    UNIQUE (scope, question_key)
) STRICT;
CREATE INDEX IF NOT EXISTS answers_by_evidence ON answers (scope, first_passage, used);
CREATE INDEX IF NOT EXISTS answers_by_text ON answers (text_key);
CREATE INDEX IF NOT EXISTS answers_by_use ON answers (used);
"""
_INSERT = """
INSERT INTO answers (collection, version, scope, question_key, question, first_passage, passages, vector,
    text_key, made, used, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (scope, question_key) DO NOTHING
"""
_EVICT = "DELETE FROM answers WHERE id IN (SELECT id FROM answers ORDER BY used DESC LIMIT -1 OFFSET ?)"
_KEPT_BETWEEN_EVICTIONS = 100
_MAX_CANDIDATES = 64
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Scope:
    """What an answer hangs on. ``version`` names snapshot, fits and release, ``conditions`` all the rest."""

    collection: str
    version: str
    conditions: str

    @property
    def key(self) -> bytes:
        return _digest(self.collection, self.version, self.conditions)


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """A question that was answered, the ids of the passages that answered it, and its unit vector."""

    id: int
    question: str
    passages: tuple[str, ...]
    vector: Vector


class AnswerCache:
    """The kept answers. Methods may be called from any thread, and none of them fails."""

    def __init__(self, path: Path, max_entries: int, *, redact: bool = False) -> None:
        """At most ``max_entries`` answers and a hundred more are kept; the longest unused go first.

        With ``redact`` none is kept in which a history would cover personal data (see ``History``).
        """
        self._path = path
        self._max_entries = max_entries
        self._redact = redact
        self._kept = 0
        self._answers = TypeAdapter(Answer)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def exact(self, scope: Scope, question: str) -> Answer | None:
        """The answer to the same question, in whatever case, spacing and closing punctuation."""
        return self._read("scope = ? AND question_key = ?", scope.key, _question_key(question))

    def alike(self, scope: Scope, first_passage: str) -> list[KeptQuestion]:
        """The questions whose best passage had the id ``first_passage``, the latest used 64 of them."""
        query = """SELECT id, question, passages, vector FROM answers
            WHERE scope = ? AND first_passage = ? AND vector IS NOT NULL ORDER BY used DESC LIMIT ?"""
        values = (scope.key, first_passage, _MAX_CANDIDATES)
        rows = self._run(lambda connection: connection.execute(query, values).fetchall(), [])
        return [
            KeptQuestion(number, question, tuple(passages.split()), np.frombuffer(vector, dtype="<f4"))
            for number, question, passages, vector in rows
        ]

    def answer(self, kept: KeptQuestion) -> Answer | None:
        """The answer to a question that ``alike`` gave; None if it was evicted meanwhile."""
        return self._read("id = ?", kept.id)

    def keep(self, scope: Scope, answer: Answer, vector: Vector | None = None) -> None:
        """Keep an answer with its question's unit vector; without one it is found by exact question alone.

        Who asked is not kept.
        """
        if self._redact and covered_answer(answer) != answer:
            return  # covered, it would answer nobody, and as it is, ``forget`` would not find it
        passages = [passage.chunk.id for passage in answer.passages]
        row = (
            scope.collection,
            scope.version,
            scope.key,
            _question_key(answer.question),
            answer.question,
            passages[0] if passages else "",
            " ".join(passages),
            None if vector is None else np.asarray(vector, dtype="<f4").tobytes(),
            _text_key(answer),
            answer.created_at,
            time.time_ns(),
            zlib.compress(self._answers.dump_json(replace(answer, asker=None)), level=1),
        )
        self._run(lambda connection: connection.execute(_INSERT, row), None)
        self._kept += 1
        if self._kept % _KEPT_BETWEEN_EVICTIONS == 0:
            self._evict()

    def forget(self, answer: Answer) -> None:
        """Drop every kept answer of that collection that says the same: a reader called it wrong."""
        statement = "DELETE FROM answers WHERE text_key = ?"
        self._run(lambda connection: connection.execute(statement, (_text_key(answer),)), None)

    def purge(self, before: datetime) -> None:
        """Drop the answers that were first given before this time."""
        statement = "DELETE FROM answers WHERE made < ?"
        self._run(lambda connection: connection.execute(statement, (timestamp(before),)), None)

    def retire(self, scope: Scope) -> None:
        """Drop what other snapshots, fits and releases of the collection answered, and all too many."""
        statement = "DELETE FROM answers WHERE collection = ? AND version != ?"
        values = (scope.collection, scope.version)
        self._run(lambda connection: connection.execute(statement, values), None)
        self._evict()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._disconnect()

    def _evict(self) -> None:
        self._run(lambda connection: connection.execute(_EVICT, (self._max_entries,)), None)

    def _read(self, condition: str, *values: object) -> Answer | None:
        def read(connection: sqlite3.Connection) -> tuple[int, bytes] | None:
            found = connection.execute(f"SELECT id, answer FROM answers WHERE {condition}", values).fetchone()
            if found is not None:
                connection.execute("UPDATE answers SET used = ? WHERE id = ?", (time.time_ns(), found[0]))
            return found

        row = self._run(read, None)
        try:
            return None if row is None else self._answers.validate_json(zlib.decompress(row[1]))
        except (ValueError, zlib.error):
            logger.warning("an answer in %s cannot be read and is answered anew", self._path)
            return None

    def _run(self, operation: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        with self._lock:
            try:
                return operation(self._connect())
            except (sqlite3.OperationalError, OSError) as error:
                logger.warning("the cache of answers %s is not used now: %s", self._path, error)
            except sqlite3.DatabaseError as error:
                logger.warning("the cache of answers %s is begun anew: %s", self._path, error)
                self._set_aside()
        return otherwise

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
            self._connection = connection
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
            if connection.execute("PRAGMA user_version").fetchone()[0] not in (0, SCHEMA_VERSION):
                raise sqlite3.DatabaseError("another version of Troika wrote it")
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _set_aside(self) -> None:
        self._disconnect()
        with suppress(OSError):
            self._path.replace(f"{self._path}.damaged")
        for suffix in ("-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink()


def share_in_common(left: Sequence[str], right: Sequence[str]) -> float:
    """|A ∩ B| / |A ∪ B| of two sets of ids, 0 to 1."""
    union = {*left, *right}
    return len({*left} & {*right}) / len(union) if union else 0.0


def _question_key(question: str) -> bytes:
    return _digest(normalized(question))


def _text_key(answer: Answer) -> bytes:
    return _digest(answer.collection, answer.text)


def _digest(*parts: str) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.digest()
