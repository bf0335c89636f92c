"""Rows through one stage of Ray Data as they come: an iterator of the caller in, the stage's results out.

Ray Data reads what every node can open, and the rows here are made one by one by the process that ingests.
So they wait in an actor, and the one read task of the dataset draws them from there. Only so many rows are
under way at a time, so that the memory stays flat however many there are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Thread
from typing import Any, cast

import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs]
import ray
import ray.data
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from ingest.errors import ClusterError, TroikaError

Work = Callable[[bytes], Iterator[bytes]]
"""What an actor of a stage makes of one row: its results, at least one."""

_ray = cast("Any", ray)
_arrow = cast("Any", pa)
_ROW, _SPENT = "row", "spent"
_ROWS_OF_AN_ACTOR = 4
_BYTES_UNDER_WAY = 64_000_000
_RESULTS_WAITING = 16
_ENDING_SECONDS = 10.0
_MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class Stage:
    """What is done to rows, by at most ``actors`` actors with so many cores and (parts of) GPUs each.

    ``make`` is called once in each actor.
    """

    make: Callable[[], Work]
    actors: int
    cores: float = 1.0
    gpus: float = 0.0


@dataclass(frozen=True, slots=True)
class _Result:
    """A result; ``spent`` is the length of the row that it closes, and 0 when more come of that row."""

    data: bytes
    spent: int


def run_stage(stage: Stage, rows: Iterable[bytes]) -> Iterator[bytes]:
    """The results of all rows: those of one row in order, rows in whatever order they are done.

    Raises:
        ClusterError: the cluster lost a node or cannot run the stage.
        TroikaError: what an actor of the stage raised.
    """
    feed = _ray.remote(num_cpus=0)(_Feed).remote()
    results: Queue[_Result | Exception | None] = Queue(_RESULTS_WAITING)
    drain = Thread(target=_drain, args=(_dataset(stage, feed), results), daemon=True)
    drain.start()
    try:
        yield from _pump(rows, feed, results, stage.actors * _ROWS_OF_AN_ACTOR)
    finally:
        # Then the read task fails if it still waits for rows, and the dataset ends with it.
        _ray.kill(feed)
        _wait_for(drain, results)


def _pump(
    rows: Iterable[bytes], feed: Any, results: Queue[_Result | Exception | None], max_rows: int
) -> Iterator[bytes]:
    """Keep the feed full, and give what comes out."""
    waiting: Iterator[bytes] | None = iter(rows)
    rows_under_way = bytes_under_way = 0
    while True:
        while waiting is not None and rows_under_way < max_rows and bytes_under_way < _BYTES_UNDER_WAY:
            row = next(waiting, None)
            # Waited for, because calls may overtake each other, and None closes the feed.
            _ray.get(feed.put.remote(row))
            if row is None:
                waiting = None
            else:
                rows_under_way, bytes_under_way = rows_under_way + 1, bytes_under_way + len(row)
        result = results.get()
        if isinstance(result, Exception):
            raise _explained(result) from result
        if result is None and rows_under_way:
            raise ClusterError("Ray ended before all rows were done: run the same command again, to go on.")
        if result is None:
            return
        rows_under_way, bytes_under_way = rows_under_way - bool(result.spent), bytes_under_way - result.spent
        yield result.data


def _dataset(stage: Stage, feed: Any) -> Any:
    source = cast("Any", ray.data).read_datasource(_FeedSource(feed), override_num_blocks=1, num_cpus=0)
    # A block is passed on once it is larger than this: each row at once, because the feed waits for results.
    source.context.target_max_block_size = 1
    source.context.enable_progress_bars = False
    source.context.print_on_execution_start = False
    return source.map_batches(
        _Actor,
        fn_constructor_args=(stage.make,),
        batch_size=1,
        batch_format="pyarrow",
        compute=cast("Any", ray.data).ActorPoolStrategy(min_size=1, max_size=stage.actors),
        num_cpus=stage.cores,
        num_gpus=stage.gpus or None,
    )


def _wait_for(drain: Thread, results: Queue[_Result | Exception | None]) -> None:
    """Let the thread end, taking what it may still have to hand over."""
    deadline = time.monotonic() + _ENDING_SECONDS
    while drain.is_alive() and time.monotonic() < deadline:
        with suppress(Empty):
            results.get(timeout=0.05)


def _drain(dataset: Any, results: Queue[_Result | Exception | None]) -> None:
    """Run the dataset: in a thread, because what the rows come from may only be used by the caller's."""
    try:
        for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for row in table.to_pylist():
                results.put(_Result(row[_ROW], row[_SPENT]))
        results.put(None)
    except Exception as error:
        results.put(error)


class _Feed:
    """Rows that wait to be read, None behind the last; an actor."""

    def __init__(self) -> None:
        self._rows: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._is_open = False

    async def open(self) -> None:
        """Let one reader read. What a second one would need is gone, so that it fails rather than waits."""
        if self._is_open:
            raise RuntimeError("a node that held rows was lost")
        self._is_open = True

    async def put(self, row: bytes | None) -> None:
        await self._rows.put(row)

    async def get(self) -> bytes | None:
        return await self._rows.get()


class _FeedSource(Datasource):
    """The rows of a feed as a source of Ray Data."""

    def __init__(self, feed: Any) -> None:
        super().__init__()
        self._feed = feed

    def estimate_inmemory_data_size(self) -> int | None:
        return None

    def get_read_tasks(
        self,
        parallelism: int,  # noqa: ARG002 - the library's signature
        per_task_row_limit: int | None = None,  # noqa: ARG002
        data_context: object = None,  # noqa: ARG002
    ) -> list[ReadTask]:
        feed = self._feed
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(lambda: _read(feed), unknown)]


def _read(feed: Any) -> Iterator[Any]:
    _ray.get(feed.open.remote())
    while (row := _ray.get(feed.get.remote())) is not None:
        yield _table(row, 0)


class _Actor:
    """What runs in an actor of a stage."""

    def __init__(self, make: Callable[[], Work]) -> None:
        # Called with the first row: an error here would reach the caller as text alone.
        self._make = make
        self._work: Work | None = None

    def __call__(self, table: Any) -> Iterator[Any]:
        work = self._work = self._work or self._make()
        for row in table.column(_ROW).to_pylist():
            before = None
            for result in work(row):
                if before is not None:
                    yield _table(before, 0)
                before = result
            yield _table(before or b"", len(row))


def _table(row: bytes, spent: int) -> Any:
    return _arrow.table(
        {_ROW: _arrow.array([row], _arrow.large_binary()), _SPENT: _arrow.array([spent], _arrow.int64())}
    )


def _explained(error: BaseException) -> TroikaError:
    """The error of this project behind an error of Ray, or one that says what Ray says."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TroikaError):
            return cause
        error, cause = cause, cast("Any", cause).__dict__.get("cause") or cause.__cause__
    words = ""
    with suppress(Exception):  # some of Ray's errors cannot be shown where their cause is not installed
        words = " ".join(str(error).split())[-_MAX_REASON:]
    return ClusterError(
        f"Ray could not go on ({type(error).__name__}: {words}): check the cluster and run the same command "
        "again, which goes on where this one ended."
    )
