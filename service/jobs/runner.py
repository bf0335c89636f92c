"""Do the queued jobs, one run after the other.

queue -> a batch of one collection -> move files in place -> ingest in a process of its own -> note the end

Several uploads of a collection that wait are one batch and one run. A run that fails is undone, one that was
cut off (by a cancellation, a crash, the end of the server) is queued again, and ingest goes on where it was.
A job is cancelled by undoing it and bringing the collection up to date once more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from ingest.errors import CollectionBusyError, TroikaError
from ingest.metrics import IngestMetrics
from ingest.progress import Failure, Silent
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.durable import storage_errors
from service.jobs.child import IngestProcess, ingest_process
from service.jobs.following import Follower
from service.jobs.job import Job, JobEnd, JobError, JobKind, JobState
from service.jobs.messages import Assignment, Finished, Refused
from service.jobs.store import JobStore
from service.jobs.uploads import UploadFolder, upload_folders

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 2.0
_MOST_CRASHES = 3


class JobRunner:
    """The one worker of a server; for use from its event loop."""

    def __init__(self, settings: Settings, store: JobStore, metrics: IngestMetrics | None = None) -> None:
        self.store = store
        self._settings = settings
        self._metrics = metrics
        self._work = asyncio.Event()
        self._put_off: dict[str, float] = {}
        self._running: frozenset[str] = frozenset()
        self._is_interrupted = False
        self._process: IngestProcess | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to do what is queued and what the server before left; call it before requests are served."""
        try:
            await asyncio.to_thread(self._forget)
        except Exception:
            logger.exception("not all that the server before left can be cleared away")
        self._task = asyncio.create_task(self._do_jobs())

    async def stop(self) -> None:
        """Cut off the run under way, which the next server takes up, and close the store."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        await asyncio.to_thread(self.store.close)

    def wake(self) -> None:
        """There is something new in the queue."""
        self._work.set()

    async def cancel(self, job_id: str) -> Job:
        """Have a job undone; one that has come to an end stays as it is.

        Raises:
            JobNotFoundError: there is none.
        """
        before = await asyncio.to_thread(self.store.get, job_id)
        if before.state.is_end or before.cancelling:
            return before
        job = await asyncio.to_thread(self.store.ask_to_cancel, job_id)
        if job.state is JobState.CANCELLED:  # it had not begun
            await asyncio.to_thread(self._folder(job.collection).discard, job.id)
        elif job.id in self._running:
            self._is_interrupted = True
            if self._process is not None:
                self._process.kill()
        self.wake()
        return job

    async def _do_jobs(self) -> None:
        is_recovered = False
        while True:
            self._work.clear()
            try:
                if not is_recovered:
                    await asyncio.to_thread(self.store.recover)
                    is_recovered = True
                batch = next_batch(await asyncio.to_thread(self.store.queued), self._waiting_collections())
                if batch:
                    await self._do(batch)
                    continue
            except Exception:
                logger.exception("the queue of jobs cannot be worked on")
                is_recovered = False
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_SECONDS if self._put_off else None):
                    await self._work.wait()

    def _forget(self) -> None:
        """Forget what nobody was told of, and what is long over."""
        self.store.forget_older(self._settings.jobs.keep_days)
        known = self.store.unfinished_ids()
        for folder in upload_folders(self._settings.home):
            folder.discard_strays(known)

    def _waiting_collections(self) -> frozenset[str]:
        """Those that another process was writing to a moment ago."""
        now = time.monotonic()
        self._put_off = {name: until for name, until in self._put_off.items() if until > now}
        return frozenset(self._put_off)

    async def _do(self, batch: Sequence[Job]) -> None:
        collection = batch[0].collection
        self._running, self._is_interrupted = frozenset(job.id for job in batch), False
        try:
            with storage_errors(self._settings.home):
                if jobs := await asyncio.to_thread(self._begin, collection):
                    followed = await self._ingest(collection, jobs)
                    await asyncio.to_thread(self._conclude, jobs, followed)
        except asyncio.CancelledError:
            self.store.queue_again(self._running)
            raise
        except CollectionBusyError:
            self._put_off[collection] = time.monotonic() + _PAUSE_SECONDS
            await asyncio.to_thread(self.store.queue_again, self._running)
        except TroikaError as error:
            await asyncio.to_thread(self._fail, batch, JobError(error.code, str(error)))
        except Exception:
            logger.exception("the ingest of %s failed unexpectedly", collection)
            await asyncio.to_thread(self._crashed, batch)
        finally:
            self._running = frozenset()

    def _begin(self, collection: str) -> list[Job]:
        """Move the files of the batch in place, unless another process writes to the collection."""
        folder = self._folder(collection)
        with Collection(self._settings.home, collection).writing():
            jobs = self.store.start(self._running)
            for job in jobs:
                if job.cancelling:
                    folder.undo(job)
                else:
                    folder.apply(job)
        return jobs

    async def _ingest(self, collection: str, jobs: Sequence[Job]) -> Follower:
        addresses = frozenset(address for job in jobs for address in job.addresses)
        follower = Follower(self._metrics.watch() if self._metrics else Silent(), addresses)
        assignment = Assignment(self._settings, collection, self._folder(collection).path)
        async with ingest_process(assignment) as process, aclosing(process.reports()) as reports:
            self._process = process
            try:
                if self._is_interrupted:
                    process.kill()
                async for report in reports:
                    if follower.take(report):
                        await asyncio.to_thread(self.store.advance, self._running, follower.progress)
            finally:
                self._process = None
        return follower

    def _conclude(self, jobs: Sequence[Job], followed: Follower) -> None:
        match followed.end:
            case Finished(snapshot, unread):
                folder, gone = self._folder(jobs[0].collection), frozenset(unread)
                for job in jobs:
                    # In this order: after a crash in between, a job that is over is not done once more.
                    self.store.end(job.id, _end_of(job, followed.failures, snapshot, gone, folder))
                    folder.settle(job, gone)
            case Refused(CollectionBusyError.code):
                raise CollectionBusyError("another process came first")
            case Refused(code, reason):
                self._fail(jobs, JobError(code, reason))
            case None if self._is_interrupted:
                self.store.queue_again(self._running)
            case None:  # for want of memory, say
                logger.error("the ingest of %s ended without a word", jobs[0].collection)
                self._crashed(jobs)

    def _crashed(self, jobs: Sequence[Job]) -> None:
        """The run was lost; it is tried again some times."""
        again = [job.id for job in jobs if job.crashes + 1 < _MOST_CRASHES]
        self.store.queue_again(again, crashed=True)
        reason = f"the ingest process was lost {_MOST_CRASHES} times: see the server's log."
        self._fail([job for job in jobs if job.id not in again], JobError("ingest_crashed", reason))

    def _fail(self, jobs: Sequence[Job], error: JobError) -> None:
        for job in jobs:
            state = JobState.CANCELLED if job.cancelling else JobState.FAILED
            self.store.end(job.id, JobEnd(state, error=error))
            self._folder(job.collection).undo(job)

    def _folder(self, collection: str) -> UploadFolder:
        return UploadFolder(self._settings.home, collection)


def next_batch(queued: Sequence[Job], waiting: frozenset[str] = frozenset()) -> list[Job]:
    """The jobs to do in the next run, of one collection that is not ``waiting``.

    Those to be undone go first. Of the others, the oldest up to one that names what an earlier one names: two
    versions of a file are ingested one after the other, so that each job learns what became of its own.
    """
    first = next((job for job in queued if job.collection not in waiting), None)
    if first is None:
        return []
    own = [job for job in queued if job.collection == first.collection]
    if undone := [job for job in own if job.cancelling]:
        return undone
    batch: list[Job] = []
    named: set[str] = set()
    for job in own:
        if not named.isdisjoint(job.names):
            break
        batch.append(job)
        named.update(job.names)
    return batch


def _end_of(
    job: Job,
    failures_of_run: Sequence[Failure],
    snapshot: str | None,
    unread: frozenset[str],
    folder: UploadFolder,
) -> JobEnd:
    if job.cancelling:
        return JobEnd(JobState.CANCELLED, snapshot=snapshot)
    # Who uploaded a file knows it by its name, and is not told where it lies.
    failures = tuple(
        replace(failure, reason=folder.without_place(failure.reason))
        for failure in failures_of_run
        if failure.path.partition("!/")[0] in job.addresses
    )
    if job.kind is JobKind.UPLOAD and job.addresses <= unread:
        error = JobError("documents_unread", "none of the files could be read: see the failures.")
        return JobEnd(JobState.FAILED, failures, error, snapshot)
    return JobEnd(JobState.SUCCEEDED, failures, snapshot=snapshot)
