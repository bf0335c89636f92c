from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import IdempotencyKeyError, JobNotFoundError, SettingsError
from ingest.report import Failure
from service.jobs.job import Job, JobEnd, JobError, JobKind, JobProgress, JobState, NewJob, Stage
from service.jobs.store import JobStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    opened = JobStore(tmp_path / "jobs.sqlite")
    yield opened
    opened.close()


def queue(store: JobStore, *names: str, asker: str | None = None, key: str | None = None) -> Job:
    fingerprint = "+".join(names)
    return store.add(
        NewJob(store.new_id(), JobKind.UPLOAD, "docs", names or ("a.txt",), asker, key, fingerprint)
    )


def test_a_job_goes_its_way(store: JobStore) -> None:
    job = queue(store, "a.txt", "b.txt")
    assert (job.state, job.names) == (JobState.QUEUED, ("a.txt", "b.txt"))
    assert [started.state for started in store.start([job.id])] == [JobState.RUNNING]
    store.advance([job.id], JobProgress(Stage.READING, 1, 2))
    assert store.get(job.id).progress == JobProgress(Stage.READING, 1, 2)
    failure = Failure("upload:///b.txt", "file_empty", "it is empty")
    store.end(job.id, JobEnd(JobState.SUCCEEDED, (failure,), JobError("code", "reason"), "snapshot-1"))
    done = store.get(job.id)
    assert (done.state, done.failures, done.snapshot) == (JobState.SUCCEEDED, (failure,), "snapshot-1")
    assert done.error == JobError("code", "reason")
    assert done.finished_at is not None


def test_what_has_ended_does_not_begin_again(store: JobStore) -> None:
    job = queue(store)
    store.end(job.id, JobEnd(JobState.CANCELLED))
    assert store.start([job.id]) == []
    store.end(job.id, JobEnd(JobState.SUCCEEDED))
    store.queue_again([job.id])
    store.ask_to_cancel(job.id)
    assert store.get(job.id).state is JobState.CANCELLED


def test_what_a_dead_server_was_doing_is_queued_again(tmp_path: Path) -> None:
    first = JobStore(tmp_path / "jobs.sqlite")
    waiting, running = queue(first, "a"), queue(first, "b")
    first.start([running.id])
    second = JobStore(tmp_path / "jobs.sqlite")  # nobody closed the first
    second.recover()
    assert [job.id for job in second.queued()] == [waiting.id, running.id]
    first.close()
    second.close()


def test_ids_sort_by_time_in_all_threads_and_lives(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: store.new_id(), range(200)))
    assert len({job_id[:16] for job_id in ids}) == 200
    tomorrow = f"{int(max(ids)[:16], 16) + 86_400 * 10**9:016x}"  # a clock that was set back since
    store.add(NewJob(f"{tomorrow}{'0' * 16}", JobKind.UPLOAD, "docs", ("a",)))
    store.close()
    again = JobStore(tmp_path / "jobs.sqlite")
    assert again.new_id()[:16] > tomorrow
    again.close()


def test_the_same_key_gives_the_same_job_to_the_same_asker(store: JobStore) -> None:
    job = queue(store, "a", asker="ann", key="1")
    assert queue(store, "a", asker="ann", key="1").id == job.id
    assert queue(store, "a", asker="bob", key="1").id != job.id
    assert queue(store, "a", key="1").id != job.id
    with pytest.raises(IdempotencyKeyError):
        queue(store, "b", asker="ann", key="1")


requests = st.lists(
    st.tuples(
        st.sampled_from([None, "ann", "bob"]), st.sampled_from([None, "k", "l"]), st.sampled_from("xy")
    ),
    max_size=12,
)


@given(requests)
def test_a_key_stands_for_one_request(asked: list[tuple[str | None, str | None, str]]) -> None:
    """Idempotent: each (asker, key) has one job, however often and in whatever order it is asked for."""
    store = JobStore(Path(":memory:"))
    jobs: dict[tuple[str, str], tuple[str, str]] = {}
    made = 0
    for asker, key, name in asked:
        known = jobs.get((asker or "", key)) if key else None
        if known is not None and known[1] != name:
            with pytest.raises(IdempotencyKeyError):
                queue(store, name, asker=asker, key=key)
            continue
        job = queue(store, name, asker=asker, key=key)
        if known is not None:
            assert job.id == known[0]
        else:
            made += 1
            if key:
                jobs[asker or "", key] = job.id, name
    assert len(store.newest(100)) == made
    store.close()


def test_concurrent_requests_under_one_key_queue_one_job(store: JobStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(lambda _: queue(store, "a", asker="ann", key="1").id, range(32)))
    assert len(ids) == 1


def test_the_list_is_of_those_that_are_wanted(store: JobStore) -> None:
    anns = [queue(store, name, asker="ann") for name in "abc"]
    bobs = queue(store, "d", asker="bob")
    store.end(bobs.id, JobEnd(JobState.FAILED))
    assert [job.id for job in store.newest(10)] == [bobs.id, *(job.id for job in reversed(anns))]
    assert [job.id for job in store.newest(2, asker="ann")] == [anns[2].id, anns[1].id]
    assert [job.id for job in store.newest(2, asker="ann", before=anns[1].id)] == [anns[0].id]
    assert [job.id for job in store.newest(10, state=JobState.FAILED)] == [bobs.id]
    assert store.newest(10, collection="others") == []


def test_a_job_that_never_began_is_cancelled_at_once_and_another_is_marked(store: JobStore) -> None:
    fresh, begun = queue(store, "a"), queue(store, "b")
    store.start([begun.id])
    assert store.ask_to_cancel(fresh.id).state is JobState.CANCELLED
    marked = store.ask_to_cancel(begun.id)
    assert (marked.state, marked.cancelling) == (JobState.RUNNING, True)
    store.queue_again([begun.id])
    assert store.ask_to_cancel(begun.id).state is JobState.QUEUED


def test_jobs_that_ended_long_ago_are_forgotten(store: JobStore, tmp_path: Path) -> None:
    old, new, waiting = queue(store, "a"), queue(store, "b"), queue(store, "c")
    for job in (old, new):
        store.end(job.id, JobEnd(JobState.SUCCEEDED))
    with sqlite3.connect(tmp_path / "jobs.sqlite") as other:
        other.execute("UPDATE jobs SET finished_at = '2001-01-01T00:00:00.000+00:00' WHERE id = ?", (old.id,))
    store.forget_older(30)
    assert {job.id for job in store.newest(10)} == {new.id, waiting.id}
    with pytest.raises(JobNotFoundError):
        store.get(old.id)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(SettingsError, match="queue of jobs"):
        JobStore(tmp_path / "jobs.sqlite")
    with sqlite3.connect(tmp_path / "newer.sqlite") as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(SettingsError, match="newer"):
        JobStore(tmp_path / "newer.sqlite")
