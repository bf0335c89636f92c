"""Which index is made, when it is trained anew, and that its stated recall is true."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from ingest.choices import DenseKind
from ingest.embed import Matrix
from ingest.settings import DenseSettings
from ingest.vectors.build import derive_index
from ingest.vectors.dense import open_vectors
from ingest.vectors.files import is_derived
from ingest.vectors.recall import RecallSample
from ingest.vectors.segments import DenseWriter, SegmentReader
from ingest.vectors.spec import DenseSpec

DIMENSION = 16


def drawn(count: int, seed: int, centres: int = 30) -> Matrix:
    random = np.random.default_rng(seed)
    middle = 2 * random.standard_normal((centres, DIMENSION), dtype=np.float32)
    vectors = middle[random.integers(0, centres, count)]
    vectors = vectors + random.standard_normal(vectors.shape, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def write(target: Path, source: Path | None, vectors: Matrix, first: int) -> Path:
    writer = DenseWriter(target, DIMENSION, source)
    writer.add(range(first, first + len(vectors)), vectors)
    writer.save()
    return target


def derive(
    directory: Path,
    index: DenseKind | Literal["auto"] = "auto",
    exact_below: int = 2_000,
    before: DenseSpec | None = None,
) -> DenseSpec:
    return derive_index(directory, DIMENSION, DenseSettings(index=index, exact_below=exact_below), before)


def derived(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir() if is_derived(path.name)}


@pytest.mark.parametrize(
    ("rows", "index", "made"),
    [
        (1_999, "auto", DenseKind.FLAT),
        (2_000, "auto", DenseKind.PQ),
        (2_000, DenseKind.FLAT, DenseKind.FLAT),
        (1_000, DenseKind.HNSW, DenseKind.HNSW),
        (999, DenseKind.HNSW, DenseKind.FLAT),
    ],
)
def test_the_index_is_what_size_and_settings_say(
    tmp_path: Path, rows: int, index: DenseKind | Literal["auto"], made: DenseKind
) -> None:
    directory = write(tmp_path / "1", None, drawn(rows, 1), 0)
    assert derive(directory, index).kind is made
    assert bool(derived(directory)) is (made is not DenseKind.FLAT)


def test_a_collection_that_shrinks_a_little_keeps_its_codes(tmp_path: Path) -> None:
    directory = write(tmp_path / "1", None, drawn(1_500, 1), 0)
    before = derive(directory, exact_below=1_500)
    assert derive(directory, exact_below=3_000, before=before).kind is DenseKind.PQ
    assert derive(directory, exact_below=3_001, before=before) == DenseSpec()
    assert derived(directory) == set()


def test_a_small_ingest_loads_no_vector_library() -> None:
    code = "import sys, ingest.snapshots.staging, ingest.pipeline; sys.exit('faiss' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_change_of_one_row_encodes_that_row_alone(tmp_path: Path) -> None:
    first = write(tmp_path / "1", None, drawn(3_000, 1), 0)
    before = derive(first)
    inodes = {name: (first / name).stat().st_ino for name in derived(first)}
    second = write(tmp_path / "2", first, drawn(1, 2), 3_000)
    assert derive(second, before=before) == before
    assert {name: (second / name).stat().st_ino for name in inodes} == inodes
    assert derived(second) - inodes.keys() == {"0002.bytes.npy", "0002.codes.npy", "0002.scales.npy"}


def test_recall_is_measured_again_when_a_tenth_is_new(tmp_path: Path) -> None:
    vectors = drawn(4_000, 1)
    first = write(tmp_path / "1", None, vectors[:3_000], 0)
    before = derive(first)
    second = write(tmp_path / "2", first, vectors[3_000:], 3_000)
    after = derive(second, before=before)
    assert (before.measured_through, after.measured_through) == (2_999, 3_999)
    assert after.trained_rows == 3_000
    assert (first / "codebook.npy").stat().st_ino == (second / "codebook.npy").stat().st_ino


def test_an_index_whose_recall_fell_is_trained_anew(tmp_path: Path) -> None:
    vectors = drawn(4_000, 1)
    first = write(tmp_path / "1", None, vectors[:3_000], 0)
    before = derive(first)
    codebook = (first / "codebook.npy").read_bytes()
    second = write(tmp_path / "2", first, vectors[3_000:], 3_000)
    after = derive(second, before=replace(before, recall=before.recall + 0.1))
    assert after.trained_rows == 4_000
    assert (second / "codebook.npy").read_bytes() != codebook
    assert (first / "codebook.npy").read_bytes() == codebook, "the snapshot before is as it was"


def test_the_same_vectors_make_the_same_index(tmp_path: Path) -> None:
    made: list[tuple[object, ...]] = []
    for name in ("1", "2"):
        directory = write(tmp_path / name, None, drawn(2_500, 1), 0)
        made.append((derive(directory), *((directory / n).read_bytes() for n in sorted(derived(directory)))))
    assert made[0] == made[1]


def test_recall_is_that_against_an_exact_search(tmp_path: Path) -> None:
    vectors = drawn(3_000, 1)
    vectors[10:20] = vectors[0]  # as chunks with the same text are
    directory = write(tmp_path / "1", None, vectors, 0)
    segments = SegmentReader(directory, DIMENSION)
    sample = RecallSample(directory, segments, np.arange(0, 3_000, 7), 10)
    assert sample.recall(open_vectors(directory, DIMENSION, DenseSpec())) == 1
    spec = derive(directory)
    stated = sample.recall(open_vectors(directory, DIMENSION, spec))
    assert stated == pytest.approx(spec.recall, abs=0.02)
    other = write(tmp_path / "2", None, drawn(3_000, 9), 0)
    assert sample.recall(open_vectors(other, DIMENSION, DenseSpec())) < 0.1


def test_a_spec_survives_json(tmp_path: Path) -> None:
    spec = derive(write(tmp_path / "1", None, drawn(2_000, 1), 0))
    assert DenseSpec.from_json(asdict(spec)) == spec
    with pytest.raises(ValueError, match="flat-ip"):
        DenseSpec.from_json({"kind": "flat-ip"})
