"""Unfinished work: whole or not there, kept for the next run, forgotten once published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ingest.snapshots.unfinished import UnfinishedWork


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "work" / "unfinished.sqlite"


def test_parts_count_once_all_of_them_were_kept(path: Path) -> None:
    work = UnfinishedWork(path)
    work.keep_part("key", 1, b"two")
    work.keep_part("key", 0, b"one")
    assert (work.has_parts("key"), work.parts("key")) == (False, None)
    work.finish_parts("key", 2)
    work.finish_parts("nothing in it", 0)
    assert (work.has_parts("key"), work.parts("key")) == (True, [b"one", b"two"])
    assert work.parts("nothing in it") == []
    work.close()


def test_what_was_kept_is_there_for_the_next_run(path: Path) -> None:
    vectors = np.arange(6, dtype=np.float32).reshape(2, 3)
    work = UnfinishedWork(path)
    work.keep_part("key", 0, b"part")
    work.finish_parts("key", 1)
    work.keep_vectors([(b"a", vectors[0]), (b"b", vectors[1])])
    work.close()
    again = UnfinishedWork(path)
    assert again.parts("key") == [b"part"]
    found = again.vectors([b"b", b"a", b"c"])
    assert {key: vector.tolist() for key, vector in found.items()} == {b"a": [0, 1, 2], b"b": [3, 4, 5]}
    assert again.vectors([]) == {}
    again.close()


def test_what_is_kept_twice_is_what_was_kept_last(path: Path) -> None:
    work = UnfinishedWork(path)
    for value in (1, 2):
        work.keep_part("key", 0, bytes([value]))
        work.finish_parts("key", 1)
        work.keep_vectors([(b"a", np.full(3, value, dtype=np.float32))])
    assert work.parts("key") == [b"\x02"]
    assert work.vectors([b"a"])[b"a"].tolist() == [2, 2, 2]
    work.close()


def test_a_shorter_result_leaves_nothing_of_a_longer_one(path: Path) -> None:
    work = UnfinishedWork(path)
    for parts in ([b"1", b"2", b"3"], [b"one"]):
        for position, part in enumerate(parts):
            work.keep_part("key", position, part)
        work.finish_parts("key", len(parts))
    assert work.parts("key") == [b"one"]
    work.close()


def test_everything_is_forgotten_once_it_was_published(path: Path) -> None:
    work = UnfinishedWork(path)
    work.finish_parts("key", 0)
    work.keep_vectors([(b"a", np.ones(3, dtype=np.float32))])
    work.clear()
    assert (work.parts("key"), work.vectors([b"a"])) == (None, {})
    work.finish_parts("other", 0)
    work.close()
    assert UnfinishedWork(path).parts("other") == []


@pytest.mark.parametrize("log", [b"", b"no log either" * 500])
def test_a_damaged_file_is_begun_anew(path: Path, log: bytes) -> None:
    UnfinishedWork(path).close()
    path.write_bytes(b"no database" * 1000)
    path.with_name(f"{path.name}-wal").write_bytes(log)
    work = UnfinishedWork(path)
    work.finish_parts("key", 0)
    assert work.parts("key") == []
    work.close()
