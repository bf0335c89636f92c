from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import CollectionNameError
from ingest.sources.source import SourceFile
from ingest.sources.uploads import UploadedFiles, upload_address
from service.jobs.job import Job, JobKind, JobState
from service.jobs.uploads import UploadFolder


def upload(folder: UploadFolder, number: int, **files: str) -> Job:
    """A job with files waiting to be added, the number of each job in place of its time."""
    job = Job(f"{number:032x}", JobKind.UPLOAD, "docs", tuple(files), None, JobState.QUEUED, "")
    for place, (name, text) in enumerate(files.items()):
        new = folder.new_upload(job.id, place, name)
        new.path.write_text(text)
        new.state({"said": text})
    folder.seal(job.id)
    return job


def deletion(number: int, *names: str) -> Job:
    return Job(f"{number:032x}", JobKind.DELETE, "docs", names, None, JobState.QUEUED, "")


def held(folder: UploadFolder) -> dict[str, str]:
    """What an ingest would see: the text of every address."""
    found: dict[str, str] = {}
    for source in UploadedFiles(folder.path).sources:
        assert isinstance(source, SourceFile)
        text = source.path.read_text()
        assert source.metadata == {"said": text}
        found[source.uri.removeprefix("upload:///")] = text
    return found


@pytest.fixture
def folder(tmp_path: Path) -> UploadFolder:
    return UploadFolder(tmp_path, "docs")


def test_nothing_is_seen_before_the_job_is_done(folder: UploadFolder) -> None:
    job = upload(folder, 1, a="one")
    assert held(folder) == {}
    assert [version.metadata() for version in folder.versions("a")] == [{"said": "one"}]
    folder.apply(job)
    assert held(folder) == {"a": "one"}


def test_the_last_upload_of_a_name_counts_and_the_others_go(folder: UploadFolder) -> None:
    first, second = upload(folder, 1, a="one", b="two"), upload(folder, 2, a="new")
    for job in (first, second):
        folder.apply(job)
    assert held(folder) == {"a": "new", "b": "two"}
    folder.settle(second, unread=())
    assert held(folder) == {"a": "new", "b": "two"}
    assert len(list(folder.versions("a"))) == 1


def test_what_cannot_be_read_goes_and_the_version_before_counts_again(folder: UploadFolder) -> None:
    first, second = upload(folder, 1, a="one"), upload(folder, 2, a="broken", b="fine")
    folder.apply(first)
    folder.apply(second)
    folder.settle(second, unread={upload_address("a")})
    assert held(folder) == {"a": "one", "b": "fine"}


def test_undoing_an_upload_and_a_deletion_restores_what_was(folder: UploadFolder) -> None:
    folder.apply(upload(folder, 1, a="one", b="two"))
    before = held(folder)
    replacing = upload(folder, 2, a="new", c="three")
    folder.apply(replacing)
    folder.undo(replacing)
    assert held(folder) == before
    deleting = deletion(3, "a", "b")
    folder.apply(deleting)
    assert held(folder) == {}
    folder.undo(deleting)
    assert held(folder) == before


steps = st.lists(
    st.tuples(st.sampled_from(["upload", "delete"]), st.sets(st.sampled_from("abc"), min_size=1, max_size=2)),
    max_size=5,
)


@settings(max_examples=15)
@given(steps, st.data())
def test_undoing_is_exact_and_doing_twice_does_no_more(
    tmp_path_factory: pytest.TempPathFactory, done: list[tuple[str, set[str]]], data: st.DataObject
) -> None:
    home = tmp_path_factory.mktemp("uploads")
    folder = UploadFolder(home, "docs")
    folder.path.mkdir(parents=True)
    expected: dict[str, str] = {}
    for number, (kind, names) in enumerate(done, 1):
        texts = {name: f"{name}{number}" for name in sorted(names)}
        job = upload(folder, number, **texts) if kind == "upload" else deletion(number, *texts)
        for _ in range(data.draw(st.integers(1, 2), "times")):  # once more after a crash
            folder.apply(job)
        if data.draw(st.booleans(), "undone"):
            folder.undo(job)
        else:
            if data.draw(st.booleans(), "settled"):
                folder.settle(job, unread=())
            expected = (
                expected | texts
                if kind == "upload"
                else {name: text for name, text in expected.items() if name not in texts}
            )
        assert held(folder) == expected
    shutil.rmtree(home)


def test_what_gets_another_number_is_of_the_job_with_that_number(folder: UploadFolder) -> None:
    late, early = upload(folder, 1, a="late", b="two"), upload(folder, 2, a="early")
    folder.renumber(late.id, f"{3:032x}")
    for job in (early, replace(late, id=f"{3:032x}")):
        folder.apply(job)
        folder.settle(job, unread=())
    assert held(folder) == {"a": "late", "b": "two"}
    assert len(list(folder.versions("a"))) == 1


def test_a_sidecar_holds_for_its_own_file_only(folder: UploadFolder) -> None:
    job = upload(folder, 1, **{"report": "secret", "report.pdf": "public"})
    folder.apply(job)
    assert held(folder) == {"report": "secret", "report.pdf": "public"}  # each with metadata of its own


def test_what_was_never_acknowledged_is_discarded(folder: UploadFolder) -> None:
    known, stray = upload(folder, 1, a="one"), upload(folder, 2, b="two")
    folder.discard_strays({known.id})
    assert not list(folder.versions("b"))
    folder.apply(known)
    folder.apply(stray)
    assert held(folder) == {"a": "one"}


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", ".jobs"])
def test_a_collection_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(CollectionNameError):
        UploadFolder(tmp_path, name)


def test_a_reason_tells_a_file_by_its_name(folder: UploadFolder) -> None:
    reason = f"{folder.path}/18ea65-0001/junk.pdf: the PDF is damaged."
    assert folder.without_place(reason) == "junk.pdf: the PDF is damaged."
