"""Cases are answered a few at a time, each on its own, however many there are."""

from __future__ import annotations

import asyncio
import dataclasses
import weakref
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from eval.answering.in_process import CollectionAnswerer
from eval.answering.window import answer_cases
from eval.cases.case import Case
from eval.runs.record import CaseRecord, Failure
from ingest.errors import ServerError
from tests.eval.fakes import FakePipeline

CASE = Case("b", "Beta", "en", ("second",), True)

pytestmark = pytest.mark.anyio


def numbered(count: int) -> Iterator[Case]:
    return (dataclasses.replace(CASE, id=str(number)) for number in range(count))


class Waiting:
    """Answers when it has been asked ``together`` times; ``most`` is how many it ever had at a time."""

    def __init__(self, together: int) -> None:
        self._together = together
        self._all = asyncio.Event()
        self.under_way = self.most = self.stopped = 0

    async def record(self, case: Case) -> CaseRecord:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self.under_way == self._together:
            self._all.set()
        try:
            await self._all.wait()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        finally:
            self.under_way -= 1
        return CaseRecord(case, None, Failure("c", "m"))


class Unreachable:
    """A server that is gone."""

    async def record(self, case: Case) -> CaseRecord:
        raise ServerError("the server is gone.")


async def test_a_case_that_fails_is_kept_and_the_others_go_on() -> None:
    pipeline = FakePipeline({"file:///b.md": "Beta is second."}, {"Beta": ("file:///b.md", "Second [1].")})
    cases = (dataclasses.replace(CASE, id="x", question="break"), CASE)
    answerer = CollectionAnswerer(pipeline, pipeline)
    failed, answered = [record async for record in answer_cases(answerer, cases)]
    assert (failed.case.id, failed.answer) == ("x", None)
    assert failed.failure == Failure("generator_failed", "the generator broke.")
    assert answered.answer is not None


async def test_as_many_cases_are_answered_at_a_time_as_asked_for() -> None:
    answerer = Waiting(together=3)
    records = [record async for record in answer_cases(answerer, numbered(10), concurrency=3)]
    assert sorted(int(record.case.id) for record in records) == list(range(10))
    assert answerer.most == 3


async def test_a_server_that_is_gone_ends_the_run() -> None:
    with pytest.raises(ServerError):
        _ = [record async for record in answer_cases(Unreachable(), numbered(10), concurrency=2)]


async def test_leaving_stops_the_answers_under_way() -> None:
    answerer = Waiting(together=4)
    async with aclosing(answer_cases(answerer, numbered(10), concurrency=3)) as records:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(records), 0.01)
    assert (answerer.under_way, answerer.stopped) == (0, 3)


async def test_a_thousand_cases_are_never_held() -> None:
    alive: weakref.WeakSet[Token] = weakref.WeakSet()
    most = taken = 0

    def cases() -> Iterator[Case]:
        for case in numbered(1000):
            token = Token(case.question)
            alive.add(token)
            yield dataclasses.replace(case, question=token)

    pipeline = FakePipeline({"file:///b.md": "Beta is second."}, {})
    async for _ in answer_cases(CollectionAnswerer(pipeline, pipeline), cases(), concurrency=4):
        pipeline.asked.clear()
        most = max(most, len(alive))
        taken += 1
    assert taken == 1000
    assert most <= 20


class Token(str):
    """A text that a weak reference can follow."""

    __slots__ = ("__weakref__",)
