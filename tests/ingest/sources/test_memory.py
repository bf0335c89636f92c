"""What is remembered of sources: enough not to read them again, and never more than is true."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.report import Failure
from ingest.sources.memory import SourceMemory
from ingest.sources.source import Stamp

OLD = Stamp(10, 1_700_000_000_000_000_000)
FAILURE = Failure("/docs/a.pdf", "file_broken", "it is broken")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "work" / "memory.sqlite"


@pytest.fixture
def memory(path: Path) -> Iterator[SourceMemory]:
    with closing(SourceMemory(path)) as memory:
        yield memory


@pytest.mark.parametrize("stamp", [OLD, Stamp(etag='"v1"'), Stamp()])
def test_the_hash_of_a_source_with_the_same_stamp_is_known(path: Path, stamp: Stamp) -> None:
    with closing(SourceMemory(path)) as memory:
        memory.remember("a", stamp, "hash")
        assert (memory.sha256("a", stamp), memory.stamp("a")) == ("hash", stamp)
    with closing(SourceMemory(path)) as again:
        assert (again.sha256("a", stamp), again.stamp("a")) == ("hash", stamp)
        assert (again.sha256("b", stamp), again.stamp("b")) == (None, None)


@pytest.mark.parametrize("stamp", [Stamp(11, OLD.modified_ns), Stamp(10, 5), Stamp(etag="x")])
def test_a_source_with_another_stamp_must_be_read(memory: SourceMemory, stamp: Stamp) -> None:
    memory.remember("a", OLD, "hash")
    assert memory.sha256("a", stamp) is None


def test_a_source_that_changed_a_moment_ago_is_not_relied_upon(memory: SourceMemory) -> None:
    stamp = Stamp(10, time.time_ns())
    memory.remember("a", stamp, "hash")
    assert memory.sha256("a", stamp) is None


def test_failures_are_of_one_version_and_of_the_parsers_that_had_them(path: Path) -> None:
    with closing(SourceMemory(path)) as memory:
        memory.remember_failures("a", "key", "1", [FAILURE], wholly=True)
        memory.remember_failures("b", "key", "1", [FAILURE, FAILURE], wholly=False)
    with closing(SourceMemory(path)) as again:
        assert again.failures("a", "key", "1") == [FAILURE]
        assert again.failures("b", "key", "1") == [FAILURE, FAILURE]
        assert [again.has_failed_wholly(uri, "key", "1") for uri in "abc"] == [True, False, False]
        for version in (("a", "other", "1"), ("a", "key", "2"), ("c", "key", "1")):
            assert again.failures(*version) == []
            assert not again.has_failed_wholly(*version)


def test_failures_are_forgotten_when_there_are_none_any_more(memory: SourceMemory) -> None:
    memory.remember_failures("a", "key", "1", [FAILURE], wholly=True)
    memory.remember_failures("a", "new", "1", [], wholly=False)
    assert memory.failures("a", "key", "1") == []


def test_a_damaged_file_is_begun_anew(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    with closing(SourceMemory(path)) as memory:
        memory.remember("a", OLD, "hash")
    with closing(SourceMemory(path)) as again:
        assert again.sha256("a", OLD) == "hash"
