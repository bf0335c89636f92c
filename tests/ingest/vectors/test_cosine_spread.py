"""The spread of chance cosines is that of the vectors, and tiny collections do not pretend to know it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ingest.vectors.cosine_spread import TYPICAL_SPREAD, cosine_spread
from ingest.vectors.segments import DenseWriter

DIMENSION = 64


def saved(directory: Path, rows: int, shift: float) -> Path:
    """Random unit vectors; all lie on one side of the origin when they are shifted."""
    vectors = np.random.default_rng(7).normal(size=(rows, DIMENSION)) + shift
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    writer = DenseWriter(directory, DIMENSION, None)
    writer.add(np.arange(rows, dtype=np.int64).tolist(), unit)
    writer.save()
    return directory


def test_random_directions_spread_as_theory_says(tmp_path: Path) -> None:
    # The cosine of two random directions in n dimensions has the standard deviation 1 / sqrt(n).
    assert cosine_spread(saved(tmp_path / "v", 2000, 0.0), DIMENSION) == pytest.approx(1 / 8, rel=0.05)


def test_a_model_that_puts_all_texts_close_has_a_small_spread(tmp_path: Path) -> None:
    assert cosine_spread(saved(tmp_path / "v", 600, 2.0), DIMENSION) < 0.05


@pytest.mark.parametrize("rows", [0, 1, 31])
def test_a_handful_of_chunks_gets_the_typical_spread(tmp_path: Path, rows: int) -> None:
    assert cosine_spread(saved(tmp_path / "v", rows, 0.0), DIMENSION) == TYPICAL_SPREAD
