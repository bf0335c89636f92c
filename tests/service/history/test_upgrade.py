"""A history that an older Troika wrote is taken over whole, and one of a newer Troika is left alone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text

from ingest.errors import SettingsError
from service.answer import Answer, Reranking
from service.history import upgrade
from service.history.engine import open_server
from service.history.feedback import CitationVerdict, Feedback
from service.history.history import History
from service.history.tables import FORMAT, metadata
from service.question import Inquiry

STEPS = (
    """
    CREATE TABLE answers (
        id TEXT PRIMARY KEY, created_at TEXT NOT NULL, collection TEXT NOT NULL, question TEXT NOT NULL,
        text TEXT NOT NULL, language TEXT NOT NULL, abstained INTEGER NOT NULL, groundedness REAL NOT NULL,
        evidence REAL NOT NULL, invented_markers INTEGER NOT NULL, degraded TEXT, generator TEXT NOT NULL,
        prompt_id TEXT NOT NULL, release TEXT NOT NULL, snapshot_id TEXT NOT NULL, passages TEXT NOT NULL,
        citations TEXT NOT NULL, timings_ms TEXT NOT NULL, usage TEXT NOT NULL
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
    """,
    """
    ALTER TABLE answers ADD COLUMN standalone_question TEXT;
    ALTER TABLE answers ADD COLUMN queries TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE answers ADD COLUMN reranking TEXT;
    ALTER TABLE answers ADD COLUMN cache TEXT;
    ALTER TABLE answers ADD COLUMN matched_question TEXT;
    """,
    """
    ALTER TABLE feedback ADD COLUMN wrong_citations TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE feedback ADD COLUMN preferred_over TEXT REFERENCES answers (id);
    """,
    "ALTER TABLE answers ADD COLUMN asker TEXT;",
)
"""What led from each format that ``user_version`` counted to the next."""

NEWER_FIELDS = {
    1: ("standalone_question", "queries", "reranking", "cache", "matched_question", "asker"),
    2: ("asker",),
    3: ("asker",),
    4: (),
}
ALL_FORMATS = pytest.mark.parametrize("number", [1, 2, 3, 4])


def old_file(path: Path, number: int, answer: Answer) -> tuple[Answer, list[Feedback]]:
    """Write a history of format ``number``; what is expected of it after the upgrade."""
    answer = replace(answer, standalone_question="Which rank has LoRA?", queries=("a", "b"), asker="ann")
    answer = replace(answer, reranking=Reranking.APPLIED)
    row = {name: value for name, value in asdict(answer).items() if name not in NEWER_FIELDS[number]}
    for name in ("sentences", "answerability", "suspicious"):
        row.pop(name)
    for name in ("passages", "citations", "timings_ms", "usage", "queries"):
        if name in row:
            row[name] = json.dumps(row[name])
    judgements = [
        Feedback(f"f{n}", answer.id, "up", None, "so 好", "2026-01-01T00:00:00.000+00:00")
        for n in range(9, 0, -1)
    ]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript("".join(STEPS[:number]))
        connection.execute(f"PRAGMA user_version = {number}")
        insert(connection, "answers", row)
        for said in judgements:
            names = ("id", "answer_id", "verdict", "correction", "comment", "created_at")
            insert(connection, "feedback", {name: getattr(said, name) for name in names})
        if number >= 3:
            connection.execute(
                "UPDATE feedback SET wrong_citations = '[1,2]', preferred_over = ? WHERE id = 'f1'",
                (answer.id,),
            )
            wrong = (CitationVerdict(1, "down"), CitationVerdict(2, "down"))
            judgements[-1] = replace(judgements[-1], citations=wrong, preferred_over=answer.id)
    fields = {"queries": (), "asker": None, "standalone_question": None, "reranking": None}
    lost = {name: value for name, value in fields.items() if name in NEWER_FIELDS[number]}
    return replace(answer, **lost), judgements


def insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    places = ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", row)


@ALL_FORMATS
def test_a_file_of_an_older_format_is_taken_over_whole(tmp_path: Path, number: int, answer: Answer) -> None:
    path = tmp_path / "history.sqlite"
    expected, judgements = old_file(path, number, answer)
    for _ in range(2):  # the second opening has nothing to upgrade
        history = History(path)
        stored = history.get(answer.id)
        assert (stored.answer, list(stored.feedback), stored.inquiry) == (expected, judgements, None)
        assert list(history.feedback()) == judgements
        history.close()


@ALL_FORMATS
def test_an_upgraded_file_is_written_on_and_has_the_tables_of_a_new_one(
    tmp_path: Path, number: int, answer: Answer
) -> None:
    old, new = tmp_path / "old.sqlite", tmp_path / "new.sqlite"
    old_file(old, number, answer)
    for path in (old, new):
        history = History(path)
        history.keep(replace(answer, id="new"), Inquiry(answer.question))
        history.add_feedback(Feedback("said", "new", None, "better", None, "2026-01-02"))
        assert history.get("new").feedback[0].correction == "better"
        history.close()
    assert columns_of(old) == columns_of(new)


def columns_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            name: [row[1:4] for row in connection.execute(f"PRAGMA table_info({name})")] for name in tables
        }


@ALL_FORMATS
def test_an_upgrade_that_fails_changes_nothing(
    tmp_path: Path, number: int, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.sqlite"
    expected, _ = old_file(path, number, answer)
    before = columns_of(path)
    with monkeypatch.context() as patched:
        patched.setattr(upgrade, "FORMAT", "no such format")
        with pytest.raises(Exception, match="no such format"):
            History(path)
    assert columns_of(path) == before
    history = History(path)
    assert history.get(answer.id).answer == expected
    history.close()


def test_a_history_of_a_newer_format_is_refused(place: Path | str) -> None:
    History(place).close()
    engine = create_engine(f"sqlite:///{place}") if isinstance(place, Path) else open_server(place)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SettingsError, match="upgrade Troika"):
        History(place)


def test_an_older_troika_sees_that_the_file_is_newer(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    History(path).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (int(FORMAT),)


@pytest.fixture
def migrated(place: Path | str) -> Iterator[Engine]:
    History(place).close()
    engine = create_engine(f"sqlite:///{place}") if isinstance(place, Path) else open_server(place)
    yield engine
    engine.dispose()


def test_the_migrations_make_the_tables_that_statements_name(migrated: Engine) -> None:
    with migrated.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_format_is_that_of_the_last_migration() -> None:
    folder = Path(upgrade.__file__).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(config).get_heads() == [FORMAT]
