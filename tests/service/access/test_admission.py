from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.choices import GeneratorKind
from ingest.errors import OverloadedError
from ingest.settings import GeneratorSettings, Settings
from ingest.settings_access import LimitSettings
from service.access.admission import Gate, Work, gates_of


async def held(gate: Gate, release: asyncio.Event) -> None:
    async with gate.place():
        await release.wait()


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.anyio
async def test_the_excess_is_refused_at_once_and_the_rest_gets_its_turn() -> None:
    gate, release = Gate(Work.ANSWER, 2, 3), asyncio.Event()
    tasks = [asyncio.create_task(held(gate, release)) for _ in range(5)]
    await settle()
    assert gate.waiting == 3
    with pytest.raises(OverloadedError, match=r"limits\.waiting_answers") as caught:
        async with gate.place():
            pytest.fail("it was let in")
    assert caught.value.retry_seconds >= 1
    release.set()
    await asyncio.gather(*tasks)
    assert gate.waiting == 0
    async with gate.place():
        pass


@pytest.mark.anyio
async def test_nobody_waits_where_nobody_may() -> None:
    gate, release = Gate(Work.SEARCH, 1, 0), asyncio.Event()
    task = asyncio.create_task(held(gate, release))
    await settle()
    with pytest.raises(OverloadedError):
        await held(gate, release)
    release.set()
    await task


@pytest.mark.anyio
async def test_who_gives_up_waiting_leaves_the_place_to_the_next() -> None:
    gate, release = Gate(Work.ANSWER, 1, 2), asyncio.Event()
    tasks = [asyncio.create_task(held(gate, release)) for _ in range(3)]
    await settle()
    tasks[1].cancel()
    await settle()
    assert gate.waiting == 1
    release.set()
    await asyncio.wait_for(asyncio.gather(tasks[0], tasks[2]), 5)


@given(
    at_once=st.integers(1, 5),
    most_waiting=st.integers(0, 5),
    steps=st.lists(st.sampled_from(["come", "go", "fail", "give up"]), max_size=80),
)
def test_never_more_are_in_or_wait_than_may(at_once: int, most_waiting: int, steps: list[str]) -> None:
    async def follow() -> None:
        gate = Gate(Work.ANSWER, at_once, most_waiting)
        inside: list[asyncio.Future[None]] = []
        tasks: set[asyncio.Task[None]] = set()
        refused = 0

        async def visit() -> None:
            nonlocal refused
            ending = asyncio.get_running_loop().create_future()
            try:
                async with gate.place():
                    inside.append(ending)
                    try:
                        await ending
                    finally:
                        inside.remove(ending)
            except OverloadedError:
                refused += 1
                assert len(inside) == at_once
                assert gate.waiting == most_waiting

        for step in steps:
            if step == "come":
                tasks.add(asyncio.create_task(visit()))
            elif step == "give up" and tasks:
                tasks.pop().cancel()
            elif inside and step == "go":
                inside[0].set_result(None)
            elif inside and step == "fail":
                inside[0].set_exception(ValueError)
            await settle()
            assert len(inside) <= at_once
            assert gate.waiting <= most_waiting
            assert not (gate.waiting and len(inside) < at_once)
        while inside:
            inside[0].set_result(None)
            await settle()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert gate.waiting == 0

    asyncio.run(follow())


@pytest.mark.anyio
async def test_the_time_to_come_again_grows_with_what_answers_take() -> None:
    gate = Gate(Work.ANSWER, 1, 0)
    gate._mean_seconds = 12.5
    release = asyncio.Event()
    task = asyncio.create_task(held(gate, release))
    await settle()
    with pytest.raises(OverloadedError) as caught:
        await held(gate, release)
    assert caught.value.retry_seconds == 13
    release.set()
    await task


@pytest.mark.parametrize(
    ("kind", "limits", "expected"),
    [
        (GeneratorKind.LLAMA_CPP, LimitSettings(), (2, 1)),
        (GeneratorKind.OPENAI, LimitSettings(), (256, 128)),
        (GeneratorKind.EXTRACTIVE, LimitSettings(concurrent_answers=4), (4, 2)),
        (GeneratorKind.EXTRACTIVE, LimitSettings(concurrent_answers=4, waiting_answers=0), (4, 0)),
    ],
)
def test_as_many_answers_are_made_at_once_as_the_generator_can(
    kind: GeneratorKind, limits: LimitSettings, expected: tuple[int, int]
) -> None:
    gate = gates_of(Settings(generator=GeneratorSettings(kind=kind), limits=limits))[Work.ANSWER]
    assert (gate._at_once, gate._most_waiting) == expected
