"""Files that are whole after a crash."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ingest.errors import StorageError
from ingest.snapshots import durable
from ingest.snapshots.durable import file_sha256, replace_text, storage_errors, sync_tree


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "CURRENT"
    replace_text(path, "old")
    replace_text(path, "新")
    assert path.read_text("utf-8") == "新"
    assert os.listdir(tmp_path) == ["CURRENT"]  # noqa: PTH208 - hidden names too


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "CURRENT"
    replace_text(path, "old")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        replace_text(path, "new")
    assert path.read_text("utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["CURRENT"]


def test_a_tree_is_forced_to_disk_file_by_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("x")
    (tmp_path / "d").write_text("y")
    synced: list[Path] = []

    def remember(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(durable.os, "fsync", remember)
    sync_tree(tmp_path)
    assert set(synced) == {tmp_path, *tmp_path.rglob("*")}


def test_a_checksum_is_of_the_bytes_of_a_file_larger_than_one_block(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "file").write_bytes(content)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_a_full_disk_is_told_with_what_is_true_before_and_after_publishing(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="what was published last stays whole"), storage_errors(tmp_path):
        raise OSError(28, "No space left on device")
