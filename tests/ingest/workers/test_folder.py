"""Folders of workers: in use, just made, or left by a run that was killed."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from ingest.workers.folder import WorkerFolder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _aged(folder: Path) -> Path:
    (folder / "left.txt").write_text("text")
    then = time.time() - 3600
    os.utime(folder, (then, then))
    return folder


def _left_by_a_killed_run() -> Path:
    return Path(tempfile.mkdtemp(prefix="troika-parse-"))


def test_a_folder_is_there_until_it_is_removed() -> None:
    folder = WorkerFolder()
    (folder.path / "file").touch()
    folder.remove()
    assert not folder.path.exists()


def test_a_new_folder_takes_the_place_of_those_of_killed_runs_alone(temporary: Path) -> None:
    in_use, just_made, left = WorkerFolder(), _left_by_a_killed_run(), _left_by_a_killed_run()
    for folder in (in_use.path, left):
        _aged(folder)
    other = temporary / "other"
    other.mkdir()
    _aged(other)
    new = WorkerFolder()
    assert not left.exists()
    assert all(folder.is_dir() for folder in (in_use.path, just_made, other, new.path))
    for folder in (in_use, new):
        folder.remove()


def test_a_link_is_not_followed(temporary: Path) -> None:
    target = temporary / "target"
    target.mkdir()
    _aged(target)
    (temporary / "troika-parse-link").symlink_to(target)
    WorkerFolder().remove()
    assert (target / "left.txt").is_file()
