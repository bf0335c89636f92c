"""Exact search over vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ingest.dense import DenseIndex
from ingest.embed import Matrix
from ingest.errors import SnapshotCorruptError


def unit_vectors(count: int, dimension: int = 8) -> Matrix:
    vectors = np.random.default_rng(7).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def index() -> DenseIndex:
    """Fifty vectors under the numbers 100 to 149."""
    index = DenseIndex.empty(8)
    index.add(range(100, 150), unit_vectors(50))
    return index


def test_the_nearest_are_found_exactly_and_best_first(index: DenseIndex) -> None:
    vectors = unit_vectors(50)
    scores = vectors @ vectors[3]
    found = index.search(vectors[3], 10)
    assert [number - 100 for number, _ in found] == np.argsort(-scores)[:10].tolist()
    assert found[0] == (103, pytest.approx(1))


def test_no_more_is_found_than_there_is(index: DenseIndex) -> None:
    assert len(index.search(unit_vectors(1)[0], 1000)) == 50
    assert DenseIndex.empty(8).search(unit_vectors(1)[0], 10) == []


def test_what_was_deleted_is_not_found(index: DenseIndex) -> None:
    index.delete([103, 999])
    index.delete([])
    assert len(index) == 49
    assert index.numbers() == set(range(100, 150)) - {103}
    assert 103 not in [number for number, _ in index.search(unit_vectors(50)[3], 50)]


def test_an_index_is_the_same_after_saving(index: DenseIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "vectors")
    again = DenseIndex.open(tmp_path / "vectors")
    query = unit_vectors(50)[3]
    assert again.search(query, 5) == index.search(query, 5)
    assert (again.dimension, len(again), again.numbers()) == (8, 50, index.numbers())


@pytest.mark.parametrize("content", [b"", b"no index", None])
def test_a_damaged_file_is_named(index: DenseIndex, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "vectors"
    index.save(path)
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    with pytest.raises(SnapshotCorruptError, match="the vectors cannot be read"):
        DenseIndex.open(path)
