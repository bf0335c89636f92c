"""Every answer that was given and every judgement of it, in one SQLite file.

Answers keep their passages, citations, prompt id, release and snapshot, so that an answer can be
explained, replayed and turned into a training example long after the collection has moved on.

The database is in WAL mode: other processes read it (``troika finetune data mine``) while the server
writes. ``synchronous=NORMAL`` may lose the last moments before a power cut, and never corrupts.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter

from ingest.errors import AnswerNotFoundError, SettingsError
from service.answer import Answer, Degradation
from service.feedback import Feedback, Verdict, timestamp

SCHEMA_VERSION = 4
BUSY_SECONDS = 5.0

_SCHEMA = """
CREATE TABLE answers (
    id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    collection TEXT NOT NULL,
    question TEXT NOT NULL,
    text TEXT NOT NULL,
    language TEXT NOT NULL,
    abstained INTEGER NOT NULL,
    groundedness REAL NOT NULL,
    evidence REAL NOT NULL,
    invented_markers INTEGER NOT NULL,
    degraded TEXT,
    generator TEXT NOT NULL,
    prompt_id TEXT NOT NULL,
    release TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    passages TEXT NOT NULL,
    citations TEXT NOT NULL,
    timings_ms TEXT NOT NULL,
    usage TEXT NOT NULL
) STRICT;
CREATE INDEX answers_by_time ON answers (created_at);
CREATE TABLE feedback (
    id TEXT PRIMARY KEY,
    answer_id TEXT NOT NULL REFERENCES answers (id),
    verdict TEXT NOT NULL CHECK (verdict IN ('up', 'down')),
    correction TEXT,
    comment TEXT,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX feedback_by_answer ON feedback (answer_id);
CREATE INDEX feedback_by_time ON feedback (created_at);
"""
_ORIGIN_COLUMNS = """
ALTER TABLE answers ADD COLUMN standalone_question TEXT;
ALTER TABLE answers ADD COLUMN queries TEXT NOT NULL DEFAULT '[]';
ALTER TABLE answers ADD COLUMN reranking TEXT;
ALTER TABLE answers ADD COLUMN cache TEXT;
ALTER TABLE answers ADD COLUMN matched_question TEXT;
"""
_REASON_COLUMNS = """
ALTER TABLE feedback ADD COLUMN wrong_citations TEXT NOT NULL DEFAULT '[]';
ALTER TABLE feedback ADD COLUMN preferred_over TEXT REFERENCES answers (id);
"""
_ASKER_COLUMN = "ALTER TABLE answers ADD COLUMN asker TEXT;\n"
_STEPS = (_SCHEMA, _ORIGIN_COLUMNS, _REASON_COLUMNS, _ASKER_COLUMN)
"""What leads from each version of the schema to the next, from an empty file on."""

_JSON_COLUMNS = ("passages", "citations", "timings_ms", "usage", "queries")
_FEEDBACK_COLUMNS = "id, answer_id, verdict, correction, comment, created_at, wrong_citations, preferred_over"

_OUTCOMES = """
SELECT release, question, abstained, degraded, groundedness,
    coalesce(json_extract(timings_ms, '$.total'), 0.0) AS total_ms,
    (SELECT verdict FROM feedback WHERE answer_id = answers.id ORDER BY created_at DESC, rowid DESC LIMIT 1)
        AS verdict
FROM answers WHERE created_at >= ? AND cache IS NULL ORDER BY created_at, rowid
"""
_FLAWED = (Degradation.GENERATOR.value, Degradation.UNSUPPORTED.value)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A kept answer with what was said of it, oldest first."""

    answer: Answer
    feedback: tuple[Feedback, ...]


@dataclass(frozen=True, slots=True)
class AnswerOutcome:
    """What an answer came to, in short. ``flawed``: a sentence of it is borne out by no source, or the
    generator's text was replaced. ``verdict`` is the latest judgement."""

    release: str
    question: str
    abstained: bool
    flawed: bool
    total_ms: float
    verdict: Verdict | None


class History:
    """The kept answers. Methods may be called from any thread; each is one transaction."""

    def __init__(self, path: Path) -> None:
        """Open the file at ``path``, making it and its folder where missing.

        Raises:
            SettingsError: the file is not a history, or was written by a newer Troika.
        """
        self._lock = threading.Lock()
        self._answers = TypeAdapter(Answer)
        self._judgements = TypeAdapter(Feedback)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
        )
        self._connection.row_factory = sqlite3.Row
        try:
            self._prepare(path)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise SettingsError(
                f"{path} cannot be used as the history of answers ({error}): "
                "expected an SQLite file written by Troika; move it away or set another home."
            ) from error
        except SettingsError:
            self._connection.close()
            raise

    def keep(self, answer: Answer) -> None:
        """Write ``answer``; writing the same id again changes nothing."""
        row = {name: getattr(answer, name) for name in Answer.__slots__}
        row |= {
            "passages": _json([asdict(passage) for passage in answer.passages]),
            "citations": _json([asdict(citation) for citation in answer.citations]),
            "timings_ms": _json(dict(answer.timings_ms)),
            "usage": _json(asdict(answer.usage)),
            "queries": _json(answer.queries),
        }
        names = ", ".join(row)
        places = ", ".join(f":{name}" for name in row)
        with self._lock:
            self._connection.execute(
                f"INSERT INTO answers ({names}) VALUES ({places}) ON CONFLICT (id) DO NOTHING", row
            )

    def get(self, answer_id: str) -> StoredAnswer:
        """The answer with that id.

        Raises:
            AnswerNotFoundError: no such answer is kept.
        """
        with self._lock:
            row = self._connection.execute("SELECT * FROM answers WHERE id = ?", (answer_id,)).fetchone()
            judgements = self._connection.execute(
                f"SELECT {_FEEDBACK_COLUMNS} FROM feedback WHERE answer_id = ? ORDER BY created_at, rowid",
                (answer_id,),
            ).fetchall()
        if row is None:
            raise _not_found(answer_id)
        return StoredAnswer(self._answer(row), tuple(self._judgement(judgement) for judgement in judgements))

    def add_feedback(self, feedback: Feedback) -> None:
        """Write a judgement.

        Raises:
            AnswerNotFoundError: the answer that it judges, or prefers it to, is not kept.
        """
        row = asdict(feedback) | {"wrong_citations": _json(feedback.wrong_citations)}
        places = ", ".join(f":{name}" for name in _FEEDBACK_COLUMNS.split(", "))
        try:
            with self._lock:
                self._connection.execute(f"INSERT INTO feedback ({_FEEDBACK_COLUMNS}) VALUES ({places})", row)
        except sqlite3.IntegrityError as error:
            if "FOREIGN KEY" not in str(error):
                raise
            self.get(feedback.answer_id)
            raise _not_found(str(feedback.preferred_over)) from error

    def feedback(self, since: datetime | None = None) -> Iterator[Feedback]:
        """All judgements made at ``since`` or later, oldest first. ``since`` must carry a time zone."""
        with self._lock:
            rows = self._connection.execute(
                f"SELECT {_FEEDBACK_COLUMNS} FROM feedback WHERE created_at >= ? ORDER BY created_at, rowid",
                ("" if since is None else timestamp(since),),
            ).fetchall()
        for row in rows:
            yield self._judgement(row)

    def outcomes(self, since: datetime) -> list[AnswerOutcome]:
        """What became of the answers that were made anew at ``since`` or later, oldest first."""
        with self._lock:
            rows = self._connection.execute(_OUTCOMES, (timestamp(since),)).fetchall()
        return [
            AnswerOutcome(
                release=row["release"],
                question=row["question"],
                abstained=bool(row["abstained"]),
                flawed=row["degraded"] in _FLAWED or (row["groundedness"] < 1 and not row["abstained"]),
                total_ms=row["total_ms"],
                verdict=row["verdict"],
            )
            for row in rows
        ]

    def close(self) -> None:
        """Close the file; nothing may be called afterwards."""
        with self._lock:
            self._connection.close()

    def _prepare(self, path: Path) -> None:
        execute = self._connection.execute
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = NORMAL")
        execute("PRAGMA foreign_keys = ON")
        execute("BEGIN IMMEDIATE")
        version = execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            execute("ROLLBACK")
            raise SettingsError(
                f"{path} has format {version}, and this Troika knows formats up to {SCHEMA_VERSION}: "
                "upgrade Troika or set another home."
            )
        for statement in filter(str.strip, "".join(_STEPS[version:]).split(";")):
            execute(statement)
        execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        execute("COMMIT")

    def _answer(self, row: sqlite3.Row) -> Answer:
        values: dict[str, Any] = {name: row[name] for name in Answer.__slots__}
        values |= {name: json.loads(values[name]) for name in _JSON_COLUMNS}
        return self._answers.validate_python(values)

    def _judgement(self, row: sqlite3.Row) -> Feedback:
        values = dict(cast("Any", row))
        return self._judgements.validate_python(
            values | {"wrong_citations": json.loads(values["wrong_citations"])}
        )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _not_found(answer_id: str) -> AnswerNotFoundError:
    return AnswerNotFoundError(
        f"no answer with id {answer_id!r} is kept: expected an id that an earlier answer carried."
    )
