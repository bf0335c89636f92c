"""Search over vectors: exact, by codes, in lists and along a graph, with filters that hold."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ingest.choices import DenseKind
from ingest.embed import Matrix
from ingest.errors import SnapshotCorruptError
from ingest.settings import DenseSettings
from ingest.vectors import dense
from ingest.vectors.build import derive_index
from ingest.vectors.dense import VectorIndex, open_vectors
from ingest.vectors.files import CODEBOOK, WHOLE
from ingest.vectors.segments import DenseWriter
from ingest.vectors.spec import DenseSpec

DIMENSION = 32
ROWS = 5_000
FIRST = 100  # numbers are not positions


def unit_vectors(count: int, dimension: int = DIMENSION) -> Matrix:
    """Vectors about some centres, as those of texts are."""
    random = np.random.default_rng(7)
    centres = random.standard_normal((40, dimension), dtype=np.float32)
    vectors = centres[random.integers(0, 40, count)] + random.standard_normal(
        (count, dimension), dtype=np.float32
    )
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def write(
    target: Path, source: Path | None = None, add: Iterable[int] = (), delete: Iterable[int] = ()
) -> Path:
    """Segments with the vectors of ``unit_vectors`` under their positions and ``FIRST``."""
    positions = np.asarray(list(add), dtype=np.int64)
    writer = DenseWriter(target, DIMENSION, source)
    # Not in order, as an ingest embeds the longest texts first.
    positions = np.random.default_rng(1).permutation(positions)
    writer.add((positions + FIRST).tolist(), VECTORS[positions])
    writer.delete(number + FIRST for number in delete)
    writer.save()
    return target


VECTORS, QUERIES = np.split(unit_vectors(ROWS + 1_000), [ROWS + 500])


def indexed(
    directory: Path, kind: DenseKind, before: DenseSpec | None = None
) -> tuple[DenseSpec, VectorIndex]:
    spec = derive_index(directory, DIMENSION, DenseSettings(index=kind), before)
    assert spec.kind is kind
    return spec, open_vectors(directory, DIMENSION, spec)


@pytest.fixture(scope="module", params=list(DenseKind))
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VectorIndex:
    """An index of each kind over two segments, of which some rows are dead."""
    folder = tmp_path_factory.mktemp("dense")
    first = write(folder / "1", add=range(4_000))
    second = write(folder / "2", first, add=range(4_000, ROWS + 10), delete=range(ROWS, ROWS + 10))
    return indexed(second, request.param)[1]


def test_scores_are_cosines_best_first(index: VectorIndex) -> None:
    assert (index.dimension, len(index)) == (DIMENSION, ROWS)
    found = index.search(VECTORS[3], 10)
    assert found[0] == (3 + FIRST, pytest.approx(1, abs=0.01))
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)
    numbers = np.asarray([number for number, _ in found]) - FIRST
    assert scores == pytest.approx((VECTORS[numbers] @ VECTORS[3]).tolist(), abs=0.01)


def test_as_much_is_found_as_is_asked_for_and_no_more_than_there_is(index: VectorIndex) -> None:
    assert len(index.search(QUERIES[0], 4_500)) == 4_500
    assert sorted(number for number, _ in index.search(QUERIES[0], 10_000)) == list(
        range(FIRST, FIRST + ROWS)
    )


def test_filters_let_nothing_else_through_and_find_what_is_near(index: VectorIndex) -> None:
    random = np.random.default_rng(3)
    shares = (0.0005, 0.01, 0.2, 0.5, 0.9, 0.999)
    found_of_best: list[float] = []
    for turn in range(20):
        visible = np.flatnonzero(random.random(ROWS) < shares[turn % len(shares)])
        hidden = np.setdiff1d(np.arange(ROWS), visible)
        others = {*(hidden + FIRST).tolist(), 10**9}
        chosen = index.only(np.append(visible + FIRST, 10**9)) if turn % 2 else index.hiding(others)
        allowed = {*(visible + FIRST).tolist()}
        queries = QUERIES[turn * 25 : turn * 25 + 25]
        cosines = queries @ VECTORS[visible].T
        best = visible[np.argsort(-cosines, axis=1)[:, :10]] + FIRST
        for query, near in zip(queries, best.tolist(), strict=True):
            found = {number for number, _ in index.search(query, 10, chosen)}
            assert len(found) == min(10, len(visible))
            assert allowed.issuperset(found)
            found_of_best.append(len(found.intersection(near)) / max(1, len(near)))
    assert np.mean(found_of_best) > 0.95


def test_fewer_visible_rows_than_asked_for_are_all_found(index: VectorIndex) -> None:
    visible = np.arange(FIRST, FIRST + 3_000)
    found = index.search(QUERIES[0], 4_000, index.only(visible))
    assert sorted(number for number, _ in found) == visible.tolist()
    assert index.search(QUERIES[0], 10, index.only(visible[:0])) == []


def test_threads_find_what_one_finds(index: VectorIndex) -> None:
    alone = [index.search(query, 10) for query in QUERIES[:100]]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda query: index.search(query, 10), QUERIES[:100])) == alone


def test_an_index_without_vectors_finds_nothing(tmp_path: Path) -> None:
    empty = open_vectors(write(tmp_path / "1"), DIMENSION, DenseSpec())
    assert (len(empty), empty.search(QUERIES[0], 10)) == (0, [])
    assert empty.search(QUERIES[0], 10, empty.hiding({1})) == []


@pytest.mark.parametrize("kind", [DenseKind.PQ, DenseKind.IVF, DenseKind.HNSW])
def test_what_is_added_is_found_and_what_is_deleted_is_not(tmp_path: Path, kind: DenseKind) -> None:
    first = write(tmp_path / "1", add=range(ROWS))
    spec, _ = indexed(first, kind)
    second = write(tmp_path / "2", first, add=[ROWS], delete=[5])
    again, index = indexed(second, kind, spec)
    assert again == spec
    assert index.search(VECTORS[ROWS], 1)[0][0] == ROWS + FIRST
    assert 5 + FIRST not in [number for number, _ in index.search(VECTORS[5], ROWS)]
    third = write(tmp_path / "3", second, delete=range(0, ROWS, 2))
    assert len(indexed(third, kind, spec)[1]) == ROWS // 2
    _, before = indexed(first, kind, spec)
    assert before.search(VECTORS[5], 1)[0][0] == 5 + FIRST, "the snapshot before is as it was"


@pytest.mark.parametrize("dimension", [5, 6, 12])
def test_codes_are_made_of_vectors_of_any_dimension(tmp_path: Path, dimension: int) -> None:
    vectors = unit_vectors(3_000, dimension)
    writer = DenseWriter(tmp_path / "vectors", dimension, None)
    writer.add(range(3_000), vectors)
    writer.save()
    spec = derive_index(tmp_path / "vectors", dimension, DenseSettings(index=DenseKind.PQ), None)
    assert spec.recall > 0.9
    index = open_vectors(tmp_path / "vectors", dimension, spec)
    assert index.search(vectors[7], 1)[0][0] == 7


def test_vectors_of_another_dimension_are_refused(tmp_path: Path) -> None:
    assert len(open_vectors(write(tmp_path / "1"), 7, DenseSpec())) == 0
    with pytest.raises(SnapshotCorruptError, match=r"expected float32 of shape \(n, 7\)"):
        open_vectors(write(tmp_path / "2", add=[1]), 7, DenseSpec())


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (DenseKind.PQ, CODEBOOK),
        (DenseKind.PQ, "0001.codes.npy"),
        (DenseKind.PQ, "0001.bytes.npy"),
        (DenseKind.HNSW, WHOLE),
        (DenseKind.IVF, "0001.scales.npy"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, kind: DenseKind, name: str) -> None:
    directory = write(tmp_path / "1", add=range(1_000))
    spec, _ = indexed(directory, kind)
    (directory / name).write_bytes((directory / name).read_bytes()[:100])
    with pytest.raises(SnapshotCorruptError, match=rf"{name} cannot be used .* --repair"):
        open_vectors(directory, DIMENSION, spec)
    (directory / name).unlink()
    with pytest.raises(SnapshotCorruptError, match=rf"{name} cannot be used"):
        open_vectors(directory, DIMENSION, spec)


def test_an_index_of_other_vectors_is_refused(tmp_path: Path) -> None:
    directory = write(tmp_path / "1", add=range(1_000))
    spec, _ = indexed(directory, DenseKind.HNSW)
    np.save(directory / "whole-numbers.npy", np.arange(1_000))
    with pytest.raises(SnapshotCorruptError, match="not an index of the vectors beside it"):
        open_vectors(directory, DIMENSION, spec)


@pytest.mark.parametrize("gpus", [0, 1])
def test_a_gpu_scans_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: int) -> None:
    """Only which scan is chosen: there is no GPU here to run it."""
    directory = write(tmp_path / "1", add=range(1_000))
    spec, _ = indexed(directory, DenseKind.PQ)
    chosen: list[object] = []

    def scan(segments: object, filtered: object) -> object:
        chosen.append(segments)
        return filtered

    monkeypatch.setattr(dense, "gpu_count", lambda: gpus)
    monkeypatch.setattr(dense, "GpuScan", scan)
    assert open_vectors(directory, DIMENSION, spec).search(VECTORS[3], 1)[0][0] == 3 + FIRST
    assert len(chosen) == gpus
