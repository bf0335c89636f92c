"""The queue of jobs and what became of them, in one SQLite file.

A job that was acknowledged is on disk (``synchronous=FULL``), and stays queued until it has come to an end: a
server that dies leaves it running, and the next one queues it again.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ingest.errors import IdempotencyKeyError, JobNotFoundError, SettingsError
from ingest.report import Failure
from service.history.feedback import timestamp
from service.jobs.job import Job, JobEnd, JobError, JobKind, JobProgress, JobState, NewJob, Stage

_VERSION = 1
_SCHEMA = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, collection TEXT NOT NULL, names TEXT NOT NULL, asker TEXT,
    request_key TEXT, fingerprint TEXT NOT NULL, state TEXT NOT NULL, created_at TEXT NOT NULL,
    started_at TEXT, finished_at TEXT, cancelling INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0, stage TEXT NOT NULL DEFAULT 'waiting',
    done INTEGER NOT NULL DEFAULT 0, total INTEGER, failures TEXT NOT NULL DEFAULT '[]', error TEXT,
    snapshot TEXT
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, collection);
CREATE UNIQUE INDEX jobs_by_key ON jobs (coalesce(asker, ''), request_key) WHERE request_key IS NOT NULL;
"""
_INSERT = """INSERT INTO jobs
    (id, kind, collection, names, asker, request_key, fingerprint, state, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?)"""
_LIST = """SELECT * FROM jobs
    WHERE (:collection IS NULL OR collection = :collection) AND (:state IS NULL OR state = :state)
        AND (:asker IS NULL OR asker = :asker) AND (:before IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit"""
_END = """UPDATE jobs SET state = ?, finished_at = ?, failures = ?, error = ?, snapshot = ?
    WHERE id = ? AND state IN ('queued', 'running')"""
_BUSY_SECONDS = 5.0


class JobStore:
    """The kept jobs. Methods may be called from any thread; each is one transaction."""

    def __init__(self, path: Path) -> None:
        """Open the file at ``path``, making it and its folder where missing.

        Raises:
            SettingsError: the file is not a queue of jobs, or was written by a newer Troika.
        """
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        try:
            self._prepare(path)
            self._last_time = int(self._one("SELECT coalesce(max(substr(id, 1, 16)), '0') FROM jobs")[0], 16)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise SettingsError(
                f"{path} cannot be used as the queue of jobs ({error}): expected an SQLite file written by "
                "Troika; move it away or set another home."
            ) from error

    def _prepare(self, path: Path) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        version = self._one("PRAGMA user_version")[0]
        if version > _VERSION:
            self._connection.close()
            raise SettingsError(
                f"{path} has version {version} and this Troika reads up to {_VERSION}: use the newer one."
            )
        if version < _VERSION:
            self._connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")

    def new_id(self) -> str:
        """An id that sorts after all others, also where the clock was set back, and cannot be guessed."""
        with self._lock:
            self._last_time = max(time.time_ns(), self._last_time + 1)
            return f"{self._last_time:016x}{secrets.token_hex(8)}"

    def known(self, asker: str | None, key: str, fingerprint: str) -> Job | None:
        """The job of an earlier request under the same key; None for a new key.

        Raises:
            IdempotencyKeyError: that request asked for something else.
        """
        query = "SELECT * FROM jobs WHERE coalesce(asker, '') = ? AND request_key = ?"
        rows = self._rows(query, (asker or "", key))
        if not rows:
            return None
        if rows[0]["fingerprint"] != fingerprint:
            raise IdempotencyKeyError(
                "the Idempotency-Key belongs to an earlier request that was not the same as this one: "
                "send a new request under a new key."
            )
        return _job(rows[0])

    def add(self, new: NewJob) -> Job:
        """Queue a job.

        Returns:
            It, or the job of an earlier request under the same key.

        Raises:
            IdempotencyKeyError: that request asked for something else.
        """
        values = (new.id, new.kind, new.collection, json.dumps(new.names), new.asker, new.key)
        with self._lock, self._connection:
            earlier = self.known(new.asker, new.key, new.fingerprint) if new.key is not None else None
            if earlier is None:
                self._connection.execute(_INSERT, (*values, new.fingerprint, _now()))
        return earlier or self.get(new.id)

    def get(self, job_id: str) -> Job:
        """The job with this id.

        Raises:
            JobNotFoundError: there is none.
        """
        rows = self._rows("SELECT * FROM jobs WHERE id = ?", (job_id,))
        if not rows:
            raise JobNotFoundError(f"there is no job {job_id!r}: GET /v1/jobs lists those that are kept.")
        return _job(rows[0])

    def newest(
        self,
        limit: int,
        *,
        collection: str | None = None,
        state: JobState | None = None,
        asker: str | None = None,
        before: str | None = None,
    ) -> list[Job]:
        """The newest jobs of a collection, a state, an asker (None is any), those before an id."""
        wanted = {"collection": collection, "state": state, "asker": asker, "before": before, "limit": limit}
        return [_job(row) for row in self._rows(_LIST, wanted)]

    def queued(self) -> list[Job]:
        """All queued jobs, the oldest first."""
        return [_job(row) for row in self._rows("SELECT * FROM jobs WHERE state = 'queued' ORDER BY id")]

    def unfinished_ids(self) -> set[str]:
        """The ids of the jobs that have not come to an end."""
        return {row[0] for row in self._rows("SELECT id FROM jobs WHERE state IN ('queued', 'running')")}

    def start(self, ids: Iterable[str]) -> list[Job]:
        """Begin with these jobs; returns those that were still queued, the oldest first."""
        query = """UPDATE jobs SET state = 'running', started_at = coalesce(started_at, ?)
            WHERE id = ? AND state = 'queued'"""
        with self._lock:
            ordered = sorted(ids)
            self._write(query, [(_now(), job_id) for job_id in ordered])
            return [job for job_id in ordered if (job := self.get(job_id)).state is JobState.RUNNING]

    def advance(self, ids: Iterable[str], progress: JobProgress) -> None:
        """Note how far these jobs are."""
        values = (progress.stage, progress.done, progress.total)
        query = "UPDATE jobs SET stage = ?, done = ?, total = ? WHERE id = ?"
        self._write(query, [(*values, job_id) for job_id in ids])

    def queue_again(self, ids: Iterable[str], *, crashed: bool = False) -> None:
        """These jobs wait once more; ``crashed`` if the process that did them was lost."""
        query = """UPDATE jobs SET state = 'queued', stage = 'waiting', crashes = crashes + ?
            WHERE id = ? AND state = 'running'"""
        self._write(query, [(int(crashed), job_id) for job_id in ids])

    def recover(self) -> None:
        """Queue what a server that died was doing."""
        self._write("UPDATE jobs SET state = 'queued', stage = 'waiting' WHERE state = 'running'", [()])

    def ask_to_cancel(self, job_id: str) -> Job:
        """Have a job undone, unless it has come to an end. One that never began is cancelled at once.

        Raises:
            JobNotFoundError: there is none.
        """
        with self._lock, self._connection:
            values = (_now(), job_id)
            self._connection.execute(
                "UPDATE jobs SET state = 'cancelled', cancelling = 1, finished_at = ? "
                "WHERE id = ? AND state = 'queued' AND started_at IS NULL",
                values,
            )
            self._connection.execute(
                "UPDATE jobs SET cancelling = 1 WHERE id = ? AND state IN ('queued', 'running')", (job_id,)
            )
        return self.get(job_id)

    def end(self, job_id: str, end: JobEnd) -> None:
        """Note what became of a job."""
        failures = json.dumps([asdict(failure) for failure in end.failures])
        error = json.dumps(asdict(end.error)) if end.error else None
        self._write(_END, [(end.state, _now(), failures, error, end.snapshot, job_id)])

    def forget_older(self, days: int) -> None:
        """Forget the jobs that ended so many days ago."""
        oldest = timestamp(datetime.now(UTC) - timedelta(days=days))
        self._write("DELETE FROM jobs WHERE finished_at < ?", [(oldest,)])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._lock, self._connection:
            self._connection.executemany(statement, rows)

    def _rows(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def _one(self, query: str) -> sqlite3.Row:
        return self._rows(query)[0]


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        kind=JobKind(row["kind"]),
        collection=row["collection"],
        names=tuple(json.loads(row["names"])),
        asker=row["asker"],
        state=JobState(row["state"]),
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        cancelling=bool(row["cancelling"]),
        crashes=row["crashes"],
        progress=JobProgress(Stage(row["stage"]), row["done"], row["total"]),
        failures=tuple(Failure(**failure) for failure in json.loads(row["failures"])),
        error=JobError(**json.loads(row["error"])) if row["error"] else None,
        snapshot=row["snapshot"],
    )


def _now() -> str:
    return timestamp(datetime.now(UTC))
