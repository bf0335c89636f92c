"""Files -> what came of them, each parsed in another process, so that a bad file costs that file alone.

A worker that takes too long, needs too much memory, dies or sends nonsense is killed; the file that it was
at gets the error that says so, and a fresh worker takes the next one.
"""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self, cast

from ingest.errors import ParseError, ParserCrashedError, UsageError
from ingest.parse import ParsedPart, ParseLimits
from ingest.workers.failures import explain, failed_part, no_worker, took_too_long, took_too_much
from ingest.workers.folder import WorkerFolder
from ingest.workers.handle import WORKER_MODULE, Ending, WorkerHandle, WorkerLimits
from ingest.workers.messages import Finished, ParseTask, Reply, ReplyReader, Started, malformed

__all__ = ["ParseLimits", "ParseResult", "ParseTask", "ParserPool", "WorkerLimits"]

_IN_FLIGHT = 2
_TASKS_OF_A_WORKER = 500
_WATCH_SECONDS = 0.05
_GRACE = 1.1
_GRACE_SECONDS = 1.0
_START_SECONDS = 30.0
_MAX_FAILED_STARTS = 3


@dataclass(frozen=True, slots=True)
class ParseResult:
    """A part of what came of the task ``key``; ``last`` closes the task, and may come without a part.

    ``source_sha256`` is of the whole file; empty for one that cannot be read.
    """

    key: int
    part: ParsedPart | None
    source_sha256: str
    last: bool


class ParserPool:
    """Parses files in worker processes, which start when the first file needs one.

    A context manager; one call of ``parse`` at a time. Leaving it ends all workers.
    """

    def __init__(self, workers: int, limits: WorkerLimits, *, module: str = WORKER_MODULE) -> None:
        """
        Args:
            workers: how many processes parse at the same time.
            limits: what each file may cost.
            module: the module whose ``main`` a worker runs.
        """
        self._max_workers = workers
        self._limits = limits
        self._module = module
        self._reader = ReplyReader(limits.parse)
        self._workers: list[WorkerHandle] = []
        self._selector = selectors.DefaultSelector()
        self._again: deque[ParseTask] = deque()
        self._failed_starts = 0
        self._watched = 0.0
        self._folder: WorkerFolder | None = None
        self._parsing = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The workers that run now."""
        return tuple(worker.process.pid for worker in self._workers)

    def close(self) -> None:
        """End all workers and remove what they left on the disk."""
        for worker in list(self._workers):
            self._dismiss(worker)
        self._selector.close()
        if self._folder is not None:
            self._folder.remove()

    def parse(self, tasks: Iterable[ParseTask]) -> Iterator[ParseResult]:
        """What comes of the tasks: parts of one task in order, tasks in whatever order they are done.

        Takes at most two tasks for each worker from ``tasks`` before their results are asked for. The time
        limit does not run while the caller is busy with a result.

        Raises:
            ParserCrashedError: no worker can be started at all.
        """
        if self._parsing:
            raise UsageError("This pool is parsing already: use up or close what its last call gave.")
        self._parsing = True
        source = iter(tasks)
        try:
            while self._fill(source):
                for result in self._step():
                    left = time.monotonic()
                    yield result
                    self._excuse(time.monotonic() - left)
        finally:
            for worker in [worker for worker in self._workers if worker.pending]:
                self._dismiss(worker)
            self._again.clear()
            self._failed_starts = 0
            self._parsing = False

    def _fill(self, source: Iterator[ParseTask]) -> bool:
        """Hand out tasks while a worker has room; False when nothing is left to wait for."""
        while any(self._rooms()) or self._may_start():
            task = self._again.popleft() if self._again else next(source, None)
            if task is None:
                break
            self._give(task)
        return bool(self._again) or any(worker.pending for worker in self._workers)

    def _rooms(self) -> Iterator[WorkerHandle]:
        return (worker for worker in self._workers if not worker.worn and len(worker.pending) < _IN_FLIGHT)

    def _may_start(self) -> bool:
        return sum(not worker.worn for worker in self._workers) < self._max_workers

    def _give(self, task: ParseTask) -> None:
        worker = min(self._rooms(), key=lambda worker: len(worker.pending), default=None)
        if worker is None or (worker.pending and self._may_start()):
            worker = self._start()
        worker.give(task)
        self._listen(worker)

    def _start(self) -> WorkerHandle:
        try:
            if self._folder is None:
                self._folder = WorkerFolder()
            worker = WorkerHandle(self._limits, self._folder.path, self._module)
        except OSError as error:
            raise no_worker(error.strerror or type(error).__name__) from error
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        self._workers.append(worker)
        return worker

    def _listen(self, worker: WorkerHandle) -> None:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.has_unsent else 0)
        if self._selector.get_key(worker.channel).events != wanted:
            self._selector.modify(worker.channel, wanted, worker)

    def _step(self) -> Iterator[ParseResult]:
        """Wait a moment for the workers, and deal with what has come."""
        for key, events in self._selector.select(_WATCH_SECONDS):
            worker = cast("WorkerHandle", key.data)
            if events & selectors.EVENT_WRITE:
                worker.send()
                self._listen(worker)
            if events & selectors.EVENT_READ:
                yield from self._read(worker)
        if time.monotonic() - self._watched >= _WATCH_SECONDS:
            for worker in [worker for worker in self._workers if worker.pending]:
                yield from self._watch(worker)
            self._watched = time.monotonic()

    def _read(self, worker: WorkerHandle) -> Iterator[ParseResult]:
        messages = worker.receive()
        if messages is None:
            yield from self._lost(worker)
            return
        try:
            for message in messages:
                yield from self._take(worker, self._reader.read(message))
        except ParserCrashedError as error:
            yield from self._lost(worker, error)

    def _take(self, worker: WorkerHandle, reply: Reply) -> Iterator[ParseResult]:
        worker.quiet_since = time.monotonic()
        if isinstance(reply, Started) == (worker.started or not worker.pending):
            raise malformed("sent what nobody asked for")
        if isinstance(reply, Started):
            worker.started = True
            worker.tasks_started += 1
            self._failed_starts = 0
            return
        key = worker.pending[0].key
        if isinstance(reply, Finished):
            worker.pending.popleft()
            worker.started = False
            self._check_wear(worker)
            yield ParseResult(key, None, reply.source_sha256, last=True)
        else:
            yield ParseResult(key, self._reader.part_of(reply), reply.source_sha256, last=False)

    def _check_wear(self, worker: WorkerHandle) -> None:
        """Replace a worker that has done enough, or has kept much memory."""
        worker.watch()
        if (
            worker.tasks_started >= _TASKS_OF_A_WORKER
            or worker.resident_bytes > self._limits.memory_bytes / 2
        ):
            worker.worn = True
        if worker.worn and not worker.pending:
            self._dismiss(worker)

    def _watch(self, worker: WorkerHandle) -> Iterator[ParseResult]:
        """Kill a worker that is past its limits."""
        if not worker.watch():
            # Then what it started goes, too, and nothing holds the channel open: its end is read soon.
            worker.kill()
        quiet = time.monotonic() - worker.quiet_since
        seconds = self._limits.seconds * _GRACE + _GRACE_SECONDS
        if worker.resident_bytes > self._limits.memory_bytes:
            yield from self._lost(worker, took_too_much(self._limits))
        elif quiet > (seconds if worker.started else max(seconds, _START_SECONDS)):
            yield from self._lost(worker, took_too_long(self._limits))

    def _lost(self, worker: WorkerHandle, error: ParseError | None = None) -> Iterator[ParseResult]:
        """End a worker; the file that it was at has failed, and others take those that waited for it."""
        pending = list(worker.pending)
        ending = self._dismiss(worker)
        failed = pending.pop(0) if worker.started else None
        self._again.extendleft(reversed(pending))
        if failed is not None:
            error = error or explain(ending, worker.resident_bytes, self._limits)
            part = failed_part(failed, error, self._limits)
            yield ParseResult(failed.key, part, part.content_sha256, last=True)
        elif pending:
            self._failed_starts += 1
            if self._failed_starts >= _MAX_FAILED_STARTS:
                raise no_worker(ending.last_words)

    def _dismiss(self, worker: WorkerHandle) -> Ending:
        self._workers.remove(worker)
        self._selector.unregister(worker.channel)
        return worker.end()

    def _excuse(self, seconds: float) -> None:
        for worker in self._workers:
            worker.quiet_since += seconds
