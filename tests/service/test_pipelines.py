from __future__ import annotations

import asyncio

import pytest

from ingest.errors import (
    AdapterRejectedError,
    CollectionNotFoundError,
    PipelineClosedError,
    SnapshotCorruptError,
)
from service.pipelines import Pipelines
from tests.fakes import MemoryPipeline
from tests.small_handbook import small_handbook

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Shelf:
    """Opens pipelines and remembers them; ``current`` is what is published."""

    def __init__(self) -> None:
        self.current = "s1"
        self.opened: list[MemoryPipeline] = []
        self.failure: Exception | None = None
        self.published_before_opening: str | None = None
        self.opening = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    def version(self, collection: str) -> str:
        if collection == "missing":
            raise CollectionNotFoundError("no collection is named 'missing'.")
        return self.current

    async def open(self, collection: str) -> MemoryPipeline:
        self.current = self.published_before_opening or self.current
        self.published_before_opening = None
        snapshot = self.current.partition("/")[0]
        self.opening.set()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.opened.append(MemoryPipeline(small_handbook(), collection=collection, snapshot_id=snapshot))
        return self.opened[-1]

    def pipelines(
        self, patience_seconds: float = 2.0, fresh_seconds: float = 0.0, retry_seconds: float = 60.0
    ) -> Pipelines:
        return Pipelines(
            self.open,
            self.version,
            list,
            patience_seconds=patience_seconds,
            fresh_seconds=fresh_seconds,
            retry_seconds=retry_seconds,
        )


async def leased_snapshot(pipelines: Pipelines) -> str:
    async with pipelines.lease("default") as pipeline:
        return pipeline.snapshot.id


async def test_a_pipeline_is_opened_once_however_many_ask_at_the_same_time() -> None:
    shelf = Shelf()
    pipelines = shelf.pipelines()
    assert await asyncio.gather(*(leased_snapshot(pipelines) for _ in range(8))) == ["s1"] * 8
    assert len(shelf.opened) == 1


async def test_the_next_lease_gets_a_new_snapshot_and_the_old_one_lives_until_its_leases_end() -> None:
    shelf = Shelf()
    pipelines = shelf.pipelines()
    async with pipelines.lease("default") as old:
        shelf.current = "s2"
        assert await leased_snapshot(pipelines) == "s2"
        await asyncio.sleep(0)
        assert old.snapshot.id == "s1"
        assert not shelf.opened[0].closed
    await asyncio.sleep(0)
    assert shelf.opened[0].closed
    assert not shelf.opened[1].closed


async def test_a_pipeline_is_taken_for_the_newest_for_a_moment() -> None:
    shelf = Shelf()
    pipelines = shelf.pipelines(fresh_seconds=0.05)
    assert await leased_snapshot(pipelines) == "s1"
    shelf.current = "s2"
    assert await leased_snapshot(pipelines) == "s1"
    await asyncio.sleep(0.06)
    assert await leased_snapshot(pipelines) == "s2"


async def test_a_snapshot_that_cannot_be_opened_leaves_the_old_one_serving_and_is_not_tried_at_once() -> None:
    shelf = Shelf()
    pipelines = shelf.pipelines()
    await leased_snapshot(pipelines)
    shelf.current, shelf.failure = "broken", SnapshotCorruptError("damaged")
    assert await leased_snapshot(pipelines) == "s1"
    shelf.failure = None
    assert await leased_snapshot(pipelines) == "s1"
    shelf.current = "s3"
    assert await leased_snapshot(pipelines) == "s3"


async def test_what_could_not_be_opened_is_tried_again_after_a_while() -> None:
    shelf = Shelf()
    pipelines = shelf.pipelines(retry_seconds=0.05)
    await leased_snapshot(pipelines)
    shelf.current, shelf.failure = "s2", AdapterRejectedError("the server was busy")
    assert await leased_snapshot(pipelines) == "s1"
    shelf.failure = None
    assert await leased_snapshot(pipelines) == "s1"
    await asyncio.sleep(0.06)
    assert await leased_snapshot(pipelines) == "s2"


async def test_a_slow_opening_does_not_hold_up_requests_beyond_their_patience() -> None:
    shelf = Shelf()
    pipelines = shelf.pipelines(patience_seconds=0.01)
    await leased_snapshot(pipelines)
    shelf.gate.clear()
    shelf.current = "s2"
    assert await leased_snapshot(pipelines) == "s1"
    shelf.gate.set()
    await asyncio.sleep(0.01)
    assert await leased_snapshot(pipelines) == "s2"


@pytest.mark.parametrize(("now_current", "openings"), [("s1", 2), ("s2", 1), ("s3", 2)])
async def test_what_was_published_and_taken_back_while_a_pipeline_was_opened_is_not_served_on(
    now_current: str, openings: int
) -> None:
    shelf = Shelf()
    pipelines = shelf.pipelines()
    shelf.gate.clear()
    shelf.published_before_opening = "s2"
    waiting = asyncio.create_task(leased_snapshot(pipelines))
    await shelf.opening.wait()
    shelf.current = now_current  # s1: a rollback to what it was when the opening began
    shelf.gate.set()
    assert await waiting == "s2"
    assert await leased_snapshot(pipelines) == now_current
    assert await leased_snapshot(pipelines) == now_current
    assert len(shelf.opened) == openings


async def test_another_release_of_the_same_snapshot_while_a_pipeline_was_opened_is_noticed() -> None:
    shelf = Shelf()
    pipelines = shelf.pipelines()
    shelf.current = "s1/1"
    shelf.gate.clear()
    waiting = asyncio.create_task(leased_snapshot(pipelines))
    await shelf.opening.wait()
    shelf.current = "s1/2"
    shelf.gate.set()
    await waiting
    await leased_snapshot(pipelines)
    await leased_snapshot(pipelines)
    assert len(shelf.opened) == 2


async def test_a_client_that_gives_up_does_not_undo_the_opening() -> None:
    shelf = Shelf()
    pipelines = shelf.pipelines()
    shelf.gate.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(leased_snapshot(pipelines), 0.02)
    shelf.gate.set()
    assert await leased_snapshot(pipelines) == "s1"
    assert len(shelf.opened) == 1


async def test_errors_of_the_first_opening_reach_the_caller() -> None:
    shelf = Shelf()
    pipelines = shelf.pipelines()
    with pytest.raises(CollectionNotFoundError):
        async with pipelines.lease("missing"):
            pass
    shelf.failure = SnapshotCorruptError("damaged")
    with pytest.raises(SnapshotCorruptError):
        await leased_snapshot(pipelines)
    shelf.failure = None
    assert await leased_snapshot(pipelines) == "s1"


async def test_who_waits_for_what_is_closed_is_told() -> None:
    shelf = Shelf()
    pipelines = shelf.pipelines()
    shelf.gate.clear()
    waiting = asyncio.create_task(leased_snapshot(pipelines))
    await shelf.opening.wait()
    await pipelines.aclose()
    with pytest.raises(PipelineClosedError, match="ask again"):
        await asyncio.wait_for(waiting, 5)


async def test_closing_closes_every_pipeline() -> None:
    shelf = Shelf()
    pipelines = shelf.pipelines()
    await leased_snapshot(pipelines)
    await pipelines.aclose()
    assert shelf.opened[0].closed
