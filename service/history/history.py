"""Every answer that was given and every judgement of it, in a database.

Answers keep what was asked, their passages, citations, prompt id, release and snapshot, so that an answer can
be explained, replayed and turned into a training example long after the collection has moved on.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Row, delete, func, insert, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from ingest.errors import AnswerNotFoundError, DatabaseError, SettingsError
from ingest.settings import Settings
from service.answer import Answer, Degradation, Served
from service.history.engine import open_file, open_server
from service.history.feedback import Feedback, timestamp
from service.history.redaction import covered_answer, covered_judgement, covered_turns
from service.history.rows import row_forms, storable
from service.history.stored import AnswerOutcome, StoredAnswer
from service.history.tables import ANSWERS, FEEDBACK
from service.history.upgrade import upgrade
from service.question import Inquiry

HISTORY_FILE = "history.sqlite"

_FLAWED = (Degradation.GENERATOR.value, Degradation.UNSUPPORTED.value)
_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_ANSWERS_AT_ONCE = 500

_OUTCOMES = select(
    ANSWERS.c.release,
    ANSWERS.c.question,
    ANSWERS.c.abstained,
    ANSWERS.c.degraded,
    ANSWERS.c.groundedness,
    ANSWERS.c.timings_ms,
    ANSWERS.c.cache,
    # A correction without a thumb finds fault, too.
    select(func.coalesce(FEEDBACK.c.verdict, "down"))
    .where(
        FEEDBACK.c.answer_id == ANSWERS.c.id,
        or_(FEEDBACK.c.verdict.is_not(None), FEEDBACK.c.correction.is_not(None)),
    )
    .order_by(FEEDBACK.c.created_at.desc(), FEEDBACK.c.number.desc())
    .limit(1)
    .scalar_subquery()
    .label("verdict"),
).order_by(ANSWERS.c.created_at, ANSWERS.c.id)
_SAID = select(FEEDBACK).order_by(FEEDBACK.c.created_at, FEEDBACK.c.number)


def open_history(settings: Settings) -> History:
    """The history that the settings name: see ``History``."""
    url = settings.history.url
    place = settings.home / HISTORY_FILE if url is None else url.get_secret_value()
    return History(place, redact=settings.history.redact == "personal")


class History:
    """The kept answers. Methods may be called from any thread; each is one transaction.

    All of them raise ``DatabaseError`` when the database fails or cannot be reached.
    """

    def __init__(self, place: Path | str, *, redact: bool = False) -> None:
        """Open the SQLite file, or the PostgreSQL database by its URL, and make or upgrade its tables.

        Args:
            redact: cover personal data in questions, answers and remarks before they are kept; passages and
                quotes are the documents' own words, and stay.

        Raises:
            SettingsError: it is no history, or a newer Troika wrote it.
            DatabaseError: the server cannot be reached.
            MissingExtraError: the driver for PostgreSQL is not installed.
        """
        self._engine = open_file(place) if isinstance(place, Path) else open_server(place)
        self._redact = redact
        self._rows = row_forms()
        self._keep = _INSERT[self._engine.dialect.name](ANSWERS).on_conflict_do_nothing(index_elements=["id"])
        name = str(place) if isinstance(place, Path) else "the database of history.url"
        try:
            upgrade(self._engine, name)
        except SQLAlchemyError as error:
            self.close()
            if isinstance(place, str):
                raise DatabaseError(
                    f"the database of history.url cannot be used ({_reason(error)}): see that it runs, and "
                    "that its user may make tables."
                ) from error
            raise SettingsError(
                f"{place} cannot be used as the history of answers ({_reason(error)}): "
                "expected an SQLite file written by Troika; move it away or set another home."
            ) from error
        except SettingsError:
            self.close()
            raise

    def keep(self, answer: Answer, inquiry: Inquiry | None = None) -> None:
        """Write ``answer`` to ``inquiry``; writing the same id again changes nothing."""
        if self._redact:
            answer, inquiry = covered_answer(answer), inquiry and covered_turns(inquiry)
        row = self._rows.of_answer(answer, inquiry)
        with self._transaction() as connection:
            connection.execute(self._keep, row)

    def get(self, answer_id: str) -> StoredAnswer:
        """The answer with that id.

        Raises:
            AnswerNotFoundError: no such answer is kept.
        """
        with self._transaction() as connection:
            found = self._stored(connection, ANSWERS.c.id == storable(answer_id))
        if not found:
            raise answer_not_found(answer_id)
        return found[0]

    def answers(self, since: datetime | None = None, asker: str | None = None) -> Iterator[StoredAnswer]:
        """All answers given at ``since`` or later, or to one asker, oldest first; few are held at a time."""
        wanted = [] if asker is None else [ANSWERS.c.asker == storable(asker)]
        after = ("" if since is None else timestamp(since), "")
        while True:
            with self._transaction() as connection:
                page = self._stored(connection, tuple_(ANSWERS.c.created_at, ANSWERS.c.id) > after, *wanted)
            yield from page
            if len(page) < _ANSWERS_AT_ONCE:
                return
            after = (page[-1].answer.created_at, page[-1].answer.id)

    def add_feedback(self, judgement: Feedback) -> None:
        """Write a judgement.

        Raises:
            AnswerNotFoundError: the answer that it judges, or prefers it to, is not kept.
        """
        if self._redact:
            judgement = covered_judgement(judgement)
        row = self._rows.of_feedback(judgement)
        try:
            with self._transaction() as connection:
                connection.execute(insert(FEEDBACK), row)
        except IntegrityError:
            for answer_id in (judgement.answer_id, judgement.preferred_over):
                if answer_id is not None:
                    self.get(answer_id)
            raise

    def feedback(self, since: datetime | None = None) -> Iterator[Feedback]:
        """All judgements made at ``since`` or later, oldest first. ``since`` must carry a time zone."""
        made = FEEDBACK.c.created_at >= ("" if since is None else timestamp(since))
        with self._transaction() as connection:
            rows = connection.execute(_SAID.where(made)).mappings().all()
        yield from map(self._rows.feedback, rows)

    def outcomes(self, since: datetime) -> list[AnswerOutcome]:
        """What became of the answers given at ``since`` or later that the release made to the very question,
        then or before; oldest first."""
        given = ANSWERS.c.created_at >= timestamp(since)
        own = or_(ANSWERS.c.cache.is_(None), ANSWERS.c.cache == Served.EXACT.value)
        with self._transaction() as connection:
            rows = connection.execute(_OUTCOMES.where(given, own)).all()
        return [
            AnswerOutcome(
                release=row.release,
                question=row.question,
                abstained=bool(row.abstained),
                flawed=row.degraded in _FLAWED or (row.groundedness < 1 and not row.abstained),
                total_ms=None if row.cache else json.loads(row.timings_ms).get("total", 0.0),
                verdict=row.verdict,
            )
            for row in rows
        ]

    def read(self, statement: Executable, parameters: Mapping[str, str]) -> Sequence[Row[Any]]:
        """The rows that ``statement`` finds in the tables."""
        with self._transaction() as connection:
            return connection.execute(statement, parameters).all()

    def purge(self, before: datetime) -> int:
        """Delete the answers given before this time, with what was said of them; how many there were."""
        return self._delete(ANSWERS.c.created_at < timestamp(before))

    def forget(self, asker: str) -> int:
        """Delete the answers given to ``asker``, with what was said of them; how many there were."""
        return self._delete(ANSWERS.c.asker == storable(asker))

    def close(self) -> None:
        """Let go of the database; nothing may be called afterwards."""
        self._engine.dispose()

    def _stored(self, connection: Connection, *wanted: ColumnElement[bool]) -> list[StoredAnswer]:
        """A page of answers, oldest first, with what was said of them."""
        found = select(ANSWERS).where(*wanted).order_by(ANSWERS.c.created_at, ANSWERS.c.id)
        rows = connection.execute(found.limit(_ANSWERS_AT_ONCE)).mappings().all()
        said: dict[str, list[Feedback]] = {row["id"]: [] for row in rows}
        for row in connection.execute(_SAID.where(FEEDBACK.c.answer_id.in_(said))).mappings():
            said[row["answer_id"]].append(self._rows.feedback(row))
        return [
            StoredAnswer(self._rows.answer(row), tuple(said[row["id"]]), self._rows.inquiry(row))
            for row in rows
        ]

    def _delete(self, doomed: ColumnElement[bool]) -> int:
        with self._transaction() as connection:
            deleted = connection.execute(delete(ANSWERS).where(doomed)).rowcount
        if self._engine.dialect.name == "sqlite":
            with self._transaction() as connection:  # else the log still holds what was there
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return deleted

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise DatabaseError(
                f"the history of answers cannot be used now ({_reason(error)}): see that its database runs "
                "and its disk has room."
            ) from error


def _reason(error: SQLAlchemyError) -> str:
    """What the driver says, on one line."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return " ".join(str(cause).split()) or type(cause).__name__


def answer_not_found(answer_id: str) -> AnswerNotFoundError:
    """What is said of an answer that is not kept, and of one that another asker was given."""
    return AnswerNotFoundError(
        f"no answer with id {answer_id!r} is kept: expected an id that an earlier answer carried."
    )
