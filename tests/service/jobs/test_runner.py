from __future__ import annotations

import asyncio
import fcntl
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from ingest.metrics import IngestMetrics
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from service.jobs import runner as runner_module
from service.jobs.job import Job, JobKind, JobProgress, JobState, NewJob, Stage
from service.jobs.messages import Began, Embedded, Embedding, Finished, Refused, SourceDone, SourceFailed
from service.jobs.runner import JobRunner, next_batch
from service.jobs.store import JobStore
from service.jobs.uploads import UploadFolder
from tests.service.jobs.scripted_ingest import ScriptedIngest, finished, silent

pytestmark = pytest.mark.anyio


class Bench:
    """A runner with a home of its own, whose ingests are scripted."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = Settings(home=home)
        self.store = JobStore(home / "jobs.sqlite")
        self.registry = CollectorRegistry()
        self.runner = JobRunner(self.settings, self.store, IngestMetrics(self.registry))
        self.folder = UploadFolder(home, "docs")
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(runner_module, "_PAUSE_SECONDS", 0.05)

    def script(
        self, *scripts: Callable[[dict[str, str]], Sequence[object]], hangs: bool = False
    ) -> ScriptedIngest:
        ingest = ScriptedIngest(scripts, hangs)  # pyright: ignore[reportArgumentType]
        self._monkeypatch.setattr(runner_module, "ingest_process", ingest)
        return ingest

    def upload(self, collection: str = "docs", **files: str) -> Job:
        job_id = self.store.new_id()
        folder = UploadFolder(self.settings.home, collection)
        for number, (name, text) in enumerate(files.items()):
            upload = folder.new_upload(job_id, number, name)
            upload.path.write_text(text)
            upload.state({})
        folder.seal(job_id)
        return self.store.add(NewJob(job_id, JobKind.UPLOAD, collection, tuple(files)))

    def delete(self, *names: str) -> Job:
        return self.store.add(NewJob(self.store.new_id(), JobKind.DELETE, "docs", names))

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.01)

    async def end_of(self, job: Job) -> Job:
        self.runner.wake()
        await self.until(lambda: self.store.get(job.id).state.is_end)
        return self.store.get(job.id)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


async def test_uploads_that_wait_are_ingested_at_once(bench: Bench) -> None:
    ingest = bench.script(finished)
    jobs = [bench.upload(a="one"), bench.upload("others", x="y"), bench.upload(b="two")]
    await bench.runner.start()
    ends = [await bench.end_of(job) for job in jobs]
    await bench.runner.stop()
    assert [end.state for end in ends] == [JobState.SUCCEEDED] * 3
    assert ends[0].snapshot == "snapshot-1"
    assert ingest.seen == [{"upload:///a": "one", "upload:///b": "two"}, {"upload:///x": "y"}]
    assert ingest.most_running == 1


async def test_each_job_learns_what_became_of_its_own_files(bench: Bench) -> None:
    def run(_seen: dict[str, str]) -> Sequence[object]:
        failed = [
            SourceFailed(f"upload:///{path}", "file_broken", "it is") for path in ("a", "z.zip!/m", "old")
        ]
        return [Began(4), *failed, Finished("snapshot-1", ("upload:///a", "upload:///old"))]

    bench.script(run)
    broken, partly, fine = bench.upload(a="one"), bench.upload(**{"z.zip": "z"}), bench.upload(b="two")
    await bench.runner.start()
    broken, partly, fine = [await bench.end_of(job) for job in (broken, partly, fine)]
    await bench.runner.stop()
    assert (broken.state, [f.path for f in broken.failures]) == (JobState.FAILED, ["upload:///a"])
    assert (partly.state, [f.path for f in partly.failures]) == (JobState.SUCCEEDED, ["upload:///z.zip!/m"])
    assert (fine.state, fine.failures) == (JobState.SUCCEEDED, ())
    assert list(bench.folder.versions("a")) == []  # nothing could be read of it
    assert len(list(bench.folder.versions("z.zip"))) == 1


async def test_progress_reaches_the_store_and_the_metrics(bench: Bench) -> None:
    def run(_seen: dict[str, str]) -> Sequence[object]:
        return [Began(2), SourceDone("a", 3, 5), Embedding(5), Embedded(4)]

    bench.script(run, hangs=True)
    job = bench.upload(a="one")
    await bench.runner.start()
    await bench.until(lambda: bench.store.get(job.id).progress.stage is Stage.EMBEDDING)
    assert bench.store.get(job.id).progress == JobProgress(Stage.EMBEDDING, 0, 5)
    await bench.until(
        lambda: bench.registry.get_sample_value("rag_ingest_chunks_total", {"state": "embedded"}) == 4
    )
    assert bench.registry.get_sample_value("rag_ingest_pages_total") == 3
    await bench.runner.stop()


async def test_a_run_that_fails_leaves_everything_as_it_was(bench: Bench) -> None:
    bench.script(finished, lambda _: [Refused("storage_failed", "the disk is full")], finished)
    await bench.runner.start()
    await bench.end_of(bench.upload(a="one"))
    failed = await bench.end_of(bench.upload(a="new", b="two"))
    assert failed.state is JobState.FAILED
    assert failed.error is not None
    assert failed.error.code == "storage_failed"
    ingest = bench.script(finished)
    await bench.end_of(bench.upload(c="three"))
    await bench.runner.stop()
    assert ingest.seen == [{"upload:///a": "one", "upload:///c": "three"}]


async def test_a_run_that_is_lost_is_tried_again_but_not_for_ever(bench: Bench) -> None:
    ingest = bench.script(silent, finished)
    await bench.runner.start()
    once = await bench.end_of(bench.upload(a="one"))
    assert (once.state, once.crashes, len(ingest.seen)) == (JobState.SUCCEEDED, 1, 2)
    ingest = bench.script(silent)
    always = await bench.end_of(bench.upload(b="two"))
    assert (always.state, len(ingest.seen)) == (JobState.FAILED, 3)
    assert always.error is not None
    assert always.error.code == "ingest_crashed"
    assert list(bench.folder.versions("b")) == []
    await bench.runner.stop()


async def test_a_full_disk_stops_the_work_only_while_it_is_full(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_anything: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    await bench.runner.start()
    bench.script(finished)
    await bench.end_of(bench.upload(before="zero"))
    ingest = bench.script(finished)
    with monkeypatch.context() as full:
        for name in ("recover", "end", "queue_again"):
            full.setattr(bench.store, name, fail)
        job = bench.upload(a="one")
        bench.runner.wake()
        await bench.until(lambda: caplog.text.count("the queue of jobs cannot be worked on") > 2)
    await bench.until(lambda: bench.store.get(job.id).state is JobState.SUCCEEDED)
    await bench.runner.stop()
    assert ingest.seen == [{"upload:///before": "zero", "upload:///a": "one"}] * 2


async def test_a_job_that_has_not_begun_is_cancelled_at_once(bench: Bench) -> None:
    job = bench.upload(a="one")
    assert (await bench.runner.cancel(job.id)).state is JobState.CANCELLED
    assert list(bench.folder.versions("a")) == []
    assert (await bench.runner.cancel(job.id)).state is JobState.CANCELLED
    await bench.runner.stop()


async def test_a_running_job_is_cut_off_and_undone_and_the_others_go_on(bench: Bench) -> None:
    ingest = bench.script(silent, finished, hangs=True)
    cancelled, other = bench.upload(a="one"), bench.upload(b="two")
    await bench.runner.start()
    await bench.until(lambda: ingest.running == 1)
    assert (await bench.runner.cancel(cancelled.id)).cancelling
    assert (await bench.end_of(cancelled)).state is JobState.CANCELLED
    gone_on = await bench.end_of(other)
    assert (gone_on.state, gone_on.crashes) == (JobState.SUCCEEDED, 0)
    await bench.runner.stop()
    # First cut off, then without the one, so that what of it was published already goes; then the other.
    assert ingest.seen == [
        {"upload:///a": "one", "upload:///b": "two"},
        {"upload:///b": "two"},
        {"upload:///b": "two"},
    ]


async def test_a_deletion_is_taken_back_when_it_is_cancelled(bench: Bench) -> None:
    bench.script(finished)
    await bench.runner.start()
    await bench.end_of(bench.upload(a="one", b="two"))
    ingest = bench.script(silent, finished, hangs=True)
    job = bench.delete("a")
    bench.runner.wake()
    await bench.until(lambda: ingest.running == 1)
    await bench.runner.cancel(job.id)
    assert (await bench.end_of(job)).state is JobState.CANCELLED
    await bench.runner.stop()
    assert ingest.seen == [{"upload:///b": "two"}, {"upload:///a": "one", "upload:///b": "two"}]


async def test_a_server_that_stops_leaves_its_job_to_the_next(bench: Bench) -> None:
    ingest = bench.script(silent, hangs=True)
    job = bench.upload(a="one")
    await bench.runner.start()
    await bench.until(lambda: ingest.running == 1)
    await bench.runner.stop()
    store = JobStore(bench.settings.home / "jobs.sqlite")
    assert (store.get(job.id).state, store.get(job.id).crashes) == (JobState.QUEUED, 0)
    ingest = bench.script(finished)
    runner = JobRunner(bench.settings, store)
    await runner.start()
    await bench.until(lambda: store.get(job.id).state is JobState.SUCCEEDED)
    assert ingest.seen == [{"upload:///a": "one"}]
    await runner.stop()


async def test_a_collection_that_another_process_writes_to_waits_and_the_others_do_not(bench: Bench) -> None:
    bench.script(finished)
    blocked, free = bench.upload(a="one"), bench.upload("others", x="y")
    collection = Collection(bench.settings.home, "docs")
    collection.snapshots.mkdir(parents=True)
    with (collection.directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        await bench.runner.start()
        assert (await bench.end_of(free)).state is JobState.SUCCEEDED
        assert bench.store.get(blocked.id).started_at is None
    assert (await bench.end_of(blocked)).state is JobState.SUCCEEDED
    await bench.runner.stop()


async def test_what_nobody_was_told_of_is_discarded_at_the_start(bench: Bench) -> None:
    bench.folder.new_upload("f" * 32, 0, "stray").path.write_text("x")
    bench.script(finished)
    await bench.runner.start()
    await bench.end_of(bench.upload(a="one"))
    await bench.runner.stop()
    assert list(bench.folder.path.glob(".jobs/*")) == []


queues = st.lists(
    st.tuples(
        st.sampled_from(["docs", "others"]),
        st.sets(st.sampled_from("abc"), min_size=1),
        st.booleans(),
        st.sampled_from(JobKind),
    ),
    max_size=6,
)


@given(queues, st.frozensets(st.sampled_from(["docs", "others"])))
def test_every_job_gets_its_turn(
    asked: list[tuple[str, set[str], bool, JobKind]], waiting: frozenset[str]
) -> None:
    queued = [
        Job(str(n), kind, collection, tuple(names), None, JobState.QUEUED, "", cancelling=cancelling)
        for n, (collection, names, cancelling, kind) in enumerate(asked)
    ]
    done: list[Job] = []
    while batch := next_batch([job for job in queued if job not in done], waiting):
        assert len({job.collection for job in batch}) == 1
        assert len({job.cancelling for job in batch}) == 1
        names = [name for job in batch for name in job.names]
        assert batch[0].cancelling or len(names) == len(set(names))
        done += batch
    assert {job.id for job in done} == {job.id for job in queued if job.collection not in waiting}
    for collection in ("docs", "others"):
        ordered = [job.id for job in done if job.collection == collection and not job.cancelling]
        assert ordered == sorted(ordered)
