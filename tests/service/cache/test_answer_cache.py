from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingest.embed import Vector
from service.answer import Answer, Usage
from service.cache.answer_cache import AnswerCache, Scope
from tests.service.scripted import passages_of

SCOPE = Scope("handbook", "snapshot-1 base", "groups=[]")
RED = np.array([1, 0], dtype=np.float32)


def answer_of(question: str, text: str = "A cart [1].") -> Answer:
    return Answer(
        id=f"answer to {question}",
        question=question,
        text=text,
        language="en",
        citations=(),
        passages=passages_of("Troika is a cart.", "It has three horses."),
        abstained=False,
        groundedness=1.0,
        evidence=0.9,
        invented_markers=0,
        degraded=None,
        generator="scripted",
        prompt_id="p",
        release="base",
        collection=SCOPE.collection,
        snapshot_id="snapshot-1",
        timings_ms={"total": 3.0},
        usage=Usage(1, 2),
        created_at="2026-01-01T00:00:00.000+00:00",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "answers.sqlite"


@pytest.fixture
def cache(path: Path) -> Iterator[AnswerCache]:
    cache = AnswerCache(path, max_entries=1000)
    yield cache
    cache.close()


def test_an_answer_comes_back_whole_for_the_same_question(cache: AnswerCache) -> None:
    answer = answer_of("What is a troika?")
    cache.keep(SCOPE, answer)
    assert cache.exact(SCOPE, "  what is A TROIKA ？") == answer
    assert cache.exact(SCOPE, "What is a trojan?") is None


@pytest.mark.parametrize(
    "other",
    [
        replace(SCOPE, collection="other"),
        replace(SCOPE, version="snapshot-2 base"),
        replace(SCOPE, conditions='groups=["hr"]'),
        Scope("handbooksnapshot-1", " base", SCOPE.conditions),
    ],
)
def test_no_other_scope_sees_an_answer(cache: AnswerCache, other: Scope) -> None:
    answer = answer_of("What is a troika?")
    cache.keep(SCOPE, answer, RED)
    assert cache.exact(other, answer.question) is None
    assert cache.alike(other, answer.passages[0].chunk.id) == []


def test_kept_questions_are_found_by_their_best_passage(cache: AnswerCache) -> None:
    answer = answer_of("What is a troika?")
    cache.keep(SCOPE, answer, RED)
    cache.keep(SCOPE, answer_of("Without a vector"))
    first, second = (passage.chunk.id for passage in answer.passages)
    (kept,) = cache.alike(SCOPE, first)
    assert (kept.question, kept.passages) == (answer.question, (first, second))
    vector: Vector = kept.vector
    assert np.array_equal(vector, RED)
    assert cache.answer(kept) == answer
    assert cache.alike(SCOPE, second) == []


def test_an_answer_called_wrong_is_gone_under_every_question(cache: AnswerCache) -> None:
    wrong, right = answer_of("One?", "Wrong."), answer_of("Two?", "Right.")
    for answer in (wrong, right, answer_of("Three?", "Wrong.")):
        cache.keep(SCOPE, answer)
    cache.forget(replace(wrong, id="given again"))
    assert [cache.exact(SCOPE, question) for question in ("One?", "Two?", "Three?")] == [None, right, None]


def test_a_new_snapshot_drops_the_answers_of_its_own_collection(cache: AnswerCache) -> None:
    other = replace(SCOPE, collection="other")
    for scope in (SCOPE, other):
        cache.keep(scope, answer_of("What?"))
    cache.retire(replace(SCOPE, version="snapshot-2 base"))
    assert cache.exact(SCOPE, "What?") is None
    assert cache.exact(other, "What?") is not None


def test_the_longest_unused_answers_go_first(path: Path) -> None:
    cache = AnswerCache(path, max_entries=50)
    for number in range(200):
        cache.keep(SCOPE, answer_of(f"Question {number}?"))
        cache.exact(SCOPE, "Question 0?")
    found = {number for number in range(200) if cache.exact(SCOPE, f"Question {number}?")}
    cache.close()
    assert found == {0, *range(151, 200)}


def test_a_damaged_file_is_set_aside_and_begun_anew(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all, but long enough to be read as one" * 100)
    cache = AnswerCache(path, max_entries=10)
    assert cache.exact(SCOPE, "What?") is None
    cache.keep(SCOPE, answer_of("What?"))
    assert cache.exact(SCOPE, "What?") is not None
    cache.close()
    assert path.with_name("answers.sqlite.damaged").read_bytes().startswith(b"no database")


def test_an_answer_that_cannot_be_read_counts_as_none(cache: AnswerCache, path: Path) -> None:
    cache.keep(SCOPE, answer_of("What?"))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE answers SET answer = x'00'")
    assert cache.exact(SCOPE, "What?") is None


def test_a_home_that_cannot_be_written_makes_no_request_fail(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = AnswerCache(tmp_path / "file" / "answers.sqlite", max_entries=10)
    cache.keep(SCOPE, answer_of("What?"))
    assert cache.exact(SCOPE, "What?") is None
    cache.close()


def test_another_process_that_holds_the_file_is_not_waited_for(cache: AnswerCache, path: Path) -> None:
    cache.keep(SCOPE, answer_of("Before?"))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    cache.keep(SCOPE, answer_of("Meanwhile?"))
    holder.execute("COMMIT")
    holder.close()
    assert cache.exact(SCOPE, "Meanwhile?") is None
    assert cache.exact(SCOPE, "Before?") is not None


def test_two_caches_of_one_file_and_many_threads_lose_nothing(cache: AnswerCache, path: Path) -> None:
    second = AnswerCache(path, max_entries=1000)

    def work(number: int) -> None:
        (cache if number % 2 else second).keep(SCOPE, answer_of(f"Question {number}?"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(64)))
    assert all(second.exact(SCOPE, f"Question {number}?") for number in range(64))
    second.close()


def test_who_asked_is_not_kept(cache: AnswerCache) -> None:
    answer = answer_of("What is a troika?")
    cache.keep(SCOPE, replace(answer, asker="ann"))
    assert cache.exact(SCOPE, answer.question) == answer


@pytest.mark.parametrize("redact", [False, True])
def test_with_redaction_no_personal_data_is_kept(path: Path, redact: bool) -> None:
    cache = AnswerCache(path, max_entries=10, redact=redact)
    asked, told = answer_of("Is ann@acme.io in?"), answer_of("Who is in?", "ann@acme.io [1].")
    plain = answer_of("Is anyone in?")
    for answer in (asked, told, plain):
        cache.keep(SCOPE, answer)
    found = [cache.exact(SCOPE, answer.question) for answer in (asked, told, plain)]
    assert found == ([None, None, plain] if redact else [asked, told, plain])
    cache.close()
