from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.errors import AnswerNotFoundError, SettingsError
from service.answer import Answer, Degradation, Finished, Reranking
from service.feedback import Feedback, new_feedback
from service.history import SCHEMA_VERSION, History
from service.question import Inquiry
from tests.fakes import MemoryPipeline
from tests.small_handbook import small_handbook


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History(tmp_path / "state" / "history.sqlite")
    yield opened
    opened.close()


@pytest.fixture
async def answer() -> Answer:
    pipeline = MemoryPipeline(small_handbook(), degraded=Degradation.LANGUAGE)
    async for event in pipeline.stream(Inquiry("Which rank is the default? 𠮷野家")):
        if isinstance(event, Finished):
            return event.answer
    raise AssertionError("no answer")


@pytest.mark.anyio
async def test_an_answer_comes_back_as_it_was_kept(history: History, answer: Answer) -> None:
    history.keep(answer)
    stored = history.get(answer.id)
    assert stored.answer == answer
    assert stored.answer.citations[0].chunk.heading_path
    assert stored.feedback == ()


@pytest.mark.anyio
async def test_what_was_searched_for_is_kept(history: History, answer: Answer) -> None:
    asked = replace(
        answer,
        standalone_question="What is the default rank of LoRA?",
        queries=("What is its default?", "What is the default rank of LoRA?"),
        reranking=Reranking.FAILED,
    )
    history.keep(asked)
    assert history.get(asked.id).answer == asked


@pytest.mark.anyio
async def test_a_history_of_an_older_version_is_read_and_written_on(tmp_path: Path, answer: Answer) -> None:
    path = tmp_path / "history.sqlite"
    opened = History(path)
    opened.keep(answer)
    opened.close()
    with closing(sqlite3.connect(path)) as older, older:
        for column in ("standalone_question", "queries", "reranking", "cache", "matched_question", "asker"):
            older.execute(f"ALTER TABLE answers DROP COLUMN {column}")
        for column in ("wrong_citations", "preferred_over"):
            older.execute(f"ALTER TABLE feedback DROP COLUMN {column}")
        older.execute("PRAGMA user_version = 1")
    upgraded = History(path)
    try:
        assert upgraded.get(answer.id).answer == answer
        said = new_feedback("new", "down", wrong_citations=[2, 1], preferred_over=answer.id)
        upgraded.keep(replace(answer, id="new", queries=("q",)))
        upgraded.add_feedback(said)
        assert upgraded.get("new").feedback == (said,)
        assert said.wrong_citations == (1, 2)
        assert upgraded.get("new").answer.queries == ("q",)
    finally:
        upgraded.close()


@pytest.mark.anyio
async def test_keeping_an_answer_twice_changes_nothing(history: History, answer: Answer) -> None:
    history.keep(answer)
    history.keep(replace(answer, text="another"))
    assert history.get(answer.id).answer == answer


def test_an_unknown_answer_is_an_error(history: History) -> None:
    with pytest.raises(AnswerNotFoundError, match="'nope'"):
        history.get("nope")
    with pytest.raises(AnswerNotFoundError, match="'nope'"):
        history.add_feedback(new_feedback("nope", "up"))
    assert list(history.feedback()) == []


@pytest.mark.anyio
async def test_an_answer_is_preferred_to_one_that_is_kept(history: History, answer: Answer) -> None:
    history.keep(answer)
    with pytest.raises(AnswerNotFoundError, match="'gone'"):
        history.add_feedback(new_feedback(answer.id, "up", preferred_over="gone"))
    assert history.get(answer.id).feedback == ()


@pytest.mark.anyio
async def test_feedback_is_kept_in_order_and_found_by_time(history: History, answer: Answer) -> None:
    history.keep(answer)
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    judgements = [
        Feedback(
            f"f{n}",
            answer.id,
            "down",
            f"better {n}",
            None,
            (moment + timedelta(days=n)).isoformat("T", "milliseconds"),
        )
        for n in range(3)
    ]
    for judgement in reversed(judgements):
        history.add_feedback(judgement)
    assert list(history.feedback()) == judgements
    assert list(history.feedback(since=moment + timedelta(days=1))) == judgements[1:]
    assert history.get(answer.id).feedback == tuple(judgements)


@pytest.mark.anyio
async def test_another_reader_sees_what_was_kept(tmp_path: Path, answer: Answer) -> None:
    writer, reader = History(tmp_path / "h.sqlite"), History(tmp_path / "h.sqlite")
    writer.keep(answer)
    assert reader.get(answer.id).answer == answer
    writer.close()
    reader.close()


@pytest.mark.anyio
async def test_many_threads_may_write_at_once(history: History, answer: Answer) -> None:
    def write(name: str) -> None:
        for number in range(20):
            history.keep(replace(answer, id=f"{name}-{number}"))
            history.add_feedback(new_feedback(f"{name}-{number}", "up"))

    threads = [threading.Thread(target=write, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(history.feedback())) == 80


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"these are not the bytes of a database" * 100)
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="cannot be used as the history"):
        History(path)
    assert path.read_bytes() == before


def test_a_history_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    History(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(SettingsError, match="upgrade Troika"):
        History(path)
