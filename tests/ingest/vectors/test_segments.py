"""Segments of vectors: added to and deleted from, linked and never changed, merged when it pays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from ingest.embed import Matrix
from ingest.errors import SnapshotCorruptError
from ingest.vectors.segments import DenseWriter, SegmentReader, read_segments, vector_numbers

DIMENSION = 4


def vectors_of(numbers: Iterable[int]) -> Matrix:
    """Vectors that tell which number they are of."""
    return np.asarray([[number, 1, 2, 3] for number in numbers], dtype=np.float32).reshape(-1, DIMENSION)


def write(
    target: Path, source: Path | None = None, add: Iterable[int] = (), delete: Iterable[int] = ()
) -> Path:
    writer = DenseWriter(target, DIMENSION, source)
    added = list(add)
    writer.add(added, vectors_of(added))
    writer.delete(delete)
    writer.save()
    return target


def held(directory: Path) -> dict[int, list[float]]:
    """The living vectors by their numbers."""
    return {
        number: vector
        for numbers, vectors in read_segments(directory, DIMENSION)
        for number, vector in zip(numbers.tolist(), vectors.tolist(), strict=True)
    }


def segments(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.vectors.npy"))


def test_what_was_added_is_held_and_what_was_deleted_is_not(tmp_path: Path) -> None:
    first = write(tmp_path / "1", add=range(1, 41))
    second = write(tmp_path / "2", first, add=range(41, 44), delete=[2, 42, 99])
    assert held(first) == {number: [number, 1, 2, 3] for number in range(1, 41)}
    assert held(second) == {number: [number, 1, 2, 3] for number in range(1, 44) if number not in (2, 42)}
    assert sorted(vector_numbers(second)) == sorted(held(second))


def test_a_writer_knows_what_lives(tmp_path: Path) -> None:
    first = write(tmp_path / "1", add=range(1, 41), delete=[7])
    writer = DenseWriter(tmp_path / "2", DIMENSION, first)
    assert writer.living == set(range(1, 41)) - {7}
    writer.add([50], vectors_of([50]))
    writer.delete([50, 1])
    assert writer.living == set(range(2, 41)) - {7}


def test_segments_are_linked_and_never_written_again(tmp_path: Path) -> None:
    first = write(tmp_path / "1", add=range(1, 41))
    before = {path.name: (path.stat().st_ino, path.read_bytes()) for path in first.iterdir()}
    second = write(tmp_path / "2", first, add=[41], delete=[1])
    assert {path.name: (path.stat().st_ino, path.read_bytes()) for path in first.iterdir()} == before
    assert segments(second) == ["0001.vectors.npy", "0002.vectors.npy"]
    assert (second / "0001.vectors.npy").stat().st_ino == before["0001.vectors.npy"][0]
    assert 1 in held(first)


def test_nothing_at_all_can_be_kept(tmp_path: Path) -> None:
    empty = write(tmp_path / "1")
    assert (held(empty), vector_numbers(empty), segments(empty)) == ({}, [], [])
    assert held(write(tmp_path / "2", empty, add=[1])) == {1: [1, 1, 2, 3]}
    assert held(write(tmp_path / "3", tmp_path / "2", delete=[1])) == {}
    assert segments(tmp_path / "3") == []


def test_small_segments_are_merged_so_that_few_remain(tmp_path: Path) -> None:
    source = None
    for number in range(1, 17):
        source = write(tmp_path / str(number), source, add=[number])
        assert len(segments(source)) == number.bit_count()
    assert source is not None
    assert held(source) == {number: [number, 1, 2, 3] for number in range(1, 17)}
    assert len(held(tmp_path / "15")) == 15, "what is linked from the snapshot before stays there"


def test_a_large_segment_is_never_written_again_for_what_is_added(tmp_path: Path) -> None:
    source = write(tmp_path / "0", add=range(1000, 41_000))
    inode = (source / "0001.vectors.npy").stat().st_ino
    for number in range(1, 10):
        source = write(tmp_path / str(number), source, add=[number], delete=[999 + number])
    assert (source / "0001.vectors.npy").stat().st_ino == inode
    assert len(segments(source)) == 3


@pytest.mark.parametrize(("dead", "is_merged"), [(25, False), (26, True)])
def test_segments_of_which_more_than_a_quarter_is_dead_are_merged(
    tmp_path: Path, dead: int, is_merged: bool
) -> None:
    first = write(tmp_path / "1", add=range(100))
    second = write(tmp_path / "2", first, delete=range(dead))
    [name] = segments(second)
    assert len(np.load(second / name)) == (100 - dead if is_merged else 100)
    assert sorted(held(second)) == list(range(dead, 100))
    assert len(np.load(second / "deleted.npy")) == (0 if is_merged else dead)


def test_single_vectors_are_looked_up_in_the_order_asked_for(tmp_path: Path) -> None:
    first = write(tmp_path / "1", add=[5, 3, 9, 1])
    reader = SegmentReader(write(tmp_path / "2", first, add=[20, 11], delete=[9]), DIMENSION)
    assert reader.numbers.tolist() == [1, 3, 5, 11, 20]
    assert (11 in reader, 9 in reader, 10 in reader, 21 in reader) == (True, False, False, False)
    wanted = [20, 1, 3, 11, 3]
    assert reader.vectors(wanted).tolist() == vectors_of(wanted).tolist()
    assert reader.vectors([]).shape == (0, DIMENSION)


@pytest.mark.parametrize("content", [b"", b"no array", None])
@pytest.mark.parametrize("name", ["0001.numbers.npy", "0001.vectors.npy", "deleted.npy"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = write(tmp_path / "1", add=range(1, 41), delete=[1]) / name
    path.write_bytes(path.read_bytes()[:-4] if content is None else content)
    with pytest.raises(SnapshotCorruptError, match=rf"{name} cannot be used .* --repair"):
        list(read_segments(tmp_path / "1", DIMENSION))


def test_arrays_of_another_kind_are_refused(tmp_path: Path) -> None:
    directory = write(tmp_path / "1", add=range(1, 5))
    np.save(directory / "0001.numbers.npy", np.arange(3, dtype=np.int64))
    with pytest.raises(SnapshotCorruptError, match="3 numbers for 4 vectors"):
        list(read_segments(directory, DIMENSION))
    np.save(directory / "0001.numbers.npy", np.arange(4, dtype=np.float64))
    with pytest.raises(SnapshotCorruptError, match="float64"):
        vector_numbers(directory)
    np.save(directory / "0001.numbers.npy", np.asarray([{}], dtype=object), allow_pickle=True)
    with pytest.raises(SnapshotCorruptError, match="cannot be used"):
        vector_numbers(directory)
