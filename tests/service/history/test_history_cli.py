from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.settings import Settings, load_settings
from service.answer import Answer
from service.cache.answer_cache import AnswerCache, Scope
from service.cache.caching_factory import CACHE_FILE, open_answer_cache
from service.history.cli import history_app
from service.history.feedback import new_feedback, timestamp
from service.history.history import History, open_history
from service.history.retention import purge_regularly

SCOPE = Scope("default", "s1", "")


@pytest.fixture
def kept(tmp_path: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    """A home with answers of today, and of 10 and 100 days ago."""
    monkeypatch.setenv("TROIKA_HOME", str(tmp_path))
    with closing(open_history(Settings(home=tmp_path))) as history:
        for days in (0, 10, 100):
            moment = timestamp(datetime.now(UTC) - timedelta(days=days))
            history.keep(replace(answer, id=f"{days}", created_at=moment, asker="ann" if days else "bob"))
        history.add_feedback(new_feedback("10", "up", comment="好"))
        yield history


def run(*arguments: str) -> str:
    result = CliRunner().invoke(history_app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def ids(history: History) -> list[str]:
    return [stored.answer.id for stored in history.answers()]


def test_answers_are_exported_as_the_api_gives_them(kept: History, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    since = (datetime.now(UTC) - timedelta(days=50)).strftime("%Y-%m-%d")
    assert run("export", str(file), "--since", since).startswith("2 answers")
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [(row["id"], row["asker"]) for row in rows] == [("10", "ann"), ("0", "bob")]
    assert [said["comment"] for said in rows[0]["feedback"]] == ["好"]
    assert run("export", str(file), "--asker", "ann").startswith("2 answers")


def test_old_answers_are_purged(kept: History) -> None:
    assert run("purge", "--older-than", "90d") == "1 answers deleted\n"
    assert ids(kept) == ["10", "0"]


def test_old_answers_leave_the_cache_too(kept: History, tmp_path: Path, answer: Answer) -> None:
    old = replace(answer, id="old", created_at=timestamp(datetime.now(UTC) - timedelta(days=100)))
    new = replace(answer, id="new", question="And now?", created_at=timestamp(datetime.now(UTC)))
    with closing(AnswerCache(tmp_path / CACHE_FILE, 10)) as cache:
        cache.keep(SCOPE, old)
        cache.keep(SCOPE, new)
        run("purge", "--older-than", "90d")
        assert cache.exact(SCOPE, old.question) is None
        assert cache.exact(SCOPE, new.question) == new


def test_what_an_asker_was_answered_is_forgotten_in_the_cache_too_and_leaves_no_trace(
    kept: History, tmp_path: Path, answer: Answer
) -> None:
    secret = replace(answer, id="secret", text="the word is xyzzy", asker="ann")
    kept.keep(secret)
    with closing(AnswerCache(tmp_path / CACHE_FILE, 10)) as cache:
        cache.keep(SCOPE, secret)
        assert run("forget", "--asker", "ann") == "3 answers deleted\n"
        assert cache.exact(SCOPE, secret.question) is None
    assert ids(kept) == ["0"]
    kept.close()
    assert [path.name for path in tmp_path.glob("history*") if b"xyzzy" in path.read_bytes()] == []


def test_with_redaction_what_is_forgotten_leaves_no_trace_in_the_cache_either(
    tmp_path: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TROIKA_HOME", str(tmp_path))
    monkeypatch.setenv("TROIKA_HISTORY__REDACT", "personal")
    settings = load_settings()
    personal = replace(answer, id="personal", question="Mail of xyzzy?", text="ann@acme.io [1].", asker="ann")
    plain = replace(answer, id="plain", question="Where does xyzzy sit?", text="Here.", asker="ann")
    cache = open_answer_cache(settings)
    assert cache is not None
    with closing(cache), closing(open_history(settings)) as history:
        for given in (personal, plain):
            history.keep(given)
            cache.keep(SCOPE, given)
    assert run("forget", "--asker", "ann") == "2 answers deleted\n"
    assert [path.name for path in tmp_path.iterdir() if b"xyzzy" in path.read_bytes()] == []


@pytest.mark.parametrize(("keep_days", "left"), [(None, ["100", "10", "0"]), (30.0, ["10", "0"])])
def test_a_server_deletes_what_is_older_than_the_settings_allow(
    kept: History, tmp_path: Path, answer: Answer, keep_days: float | None, left: list[str]
) -> None:
    old = replace(answer, created_at=timestamp(datetime.now(UTC) - timedelta(days=100)))

    async def serve(cache: AnswerCache) -> None:
        cache.keep(SCOPE, old)
        purging = asyncio.create_task(purge_regularly(kept, cache, keep_days, pause_seconds=0.001))
        await asyncio.sleep(0.2)
        purging.cancel()
        await asyncio.wait((purging,))

    with closing(AnswerCache(tmp_path / CACHE_FILE, 10)) as cache:
        asyncio.run(serve(cache))
        assert (cache.exact(SCOPE, old.question) is None) == (keep_days is not None)
    assert ids(kept) == left
