"""What was fitted is kept whole, and belongs to one kind of index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingest.errors import SnapshotCorruptError
from ingest.snapshots.fitted import FittedRetrieval, read_fitted, write_fitted

FITTED = FittedRetrieval(0.7, 200, "0123456789ab", "labels", 40, 0.8, 0.85)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read_fitted(tmp_path) is None
    write_fitted(tmp_path, FITTED)
    assert read_fitted(tmp_path) == FITTED
    write_fitted(tmp_path, replace(FITTED, dense_weight=0.2))
    assert read_fitted(tmp_path) == replace(FITTED, dense_weight=0.2)
    assert [path.name for path in tmp_path.iterdir()] == ["fitted.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"dense_weight": 0.5}', "\0"])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "fitted.json").write_text(text, "utf-8")
    with pytest.raises(SnapshotCorruptError, match=r"fitted\.json cannot be read"):
        read_fitted(tmp_path)
