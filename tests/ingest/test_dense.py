"""Exact search over vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ingest.dense import DenseIndex
from ingest.dense_segments import DenseWriter
from ingest.embed import Matrix
from ingest.errors import SnapshotCorruptError


def unit_vectors(count: int, dimension: int = 8) -> Matrix:
    vectors = np.random.default_rng(7).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def index() -> DenseIndex:
    """Fifty vectors under the numbers 100 to 149."""
    index = DenseIndex(8)
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
    assert DenseIndex(8).search(unit_vectors(1)[0], 10) == []


def test_an_index_is_what_its_segments_hold(tmp_path: Path) -> None:
    writer = DenseWriter(tmp_path / "old", 8, None)
    writer.add(range(100, 130), unit_vectors(50)[:30])
    writer.save()
    writer = DenseWriter(tmp_path / "new", 8, tmp_path / "old")
    writer.add(range(130, 150), unit_vectors(50)[30:])
    writer.delete([103, 999])
    writer.save()
    index = DenseIndex.open(tmp_path / "new", 8)
    assert (index.dimension, len(index)) == (8, 49)
    found = [number for number, _ in index.search(unit_vectors(50)[3], 50)]
    assert sorted(found) == [number for number in range(100, 150) if number != 103]


def test_vectors_of_another_dimension_are_refused(tmp_path: Path) -> None:
    DenseWriter(tmp_path / "vectors", 8, None).save()
    assert len(DenseIndex.open(tmp_path / "vectors", 7)) == 0
    writer = DenseWriter(tmp_path / "more", 8, None)
    writer.add([1], unit_vectors(1))
    writer.save()
    with pytest.raises(SnapshotCorruptError, match=r"expected \(n, 7\)"):
        DenseIndex.open(tmp_path / "more", 7)
