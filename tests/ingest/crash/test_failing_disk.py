"""A disk that is full, failing or read-only: one clear error, the collection as it was, and no litter."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import troika
from ingest.errors import SettingsError, StorageError
from ingest.snapshots.snapshot import open_snapshot
from tests.ingest.crash.scene import COLLECTION, Scene, litter, settings_of, state_of, update

_CALLS = ("fsync", "rename", "replace", "link", "mkdir")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def try_to_update(scene: Scene, home: Path) -> bool:
    """Ingest, and look at what is there after; whether it went well."""
    try:
        update(home, scene.folder)
    except (StorageError, SettingsError) as error:
        assert "\n" not in str(error)
        assert state_of(home) in (scene.old, scene.new)
        return False
    assert state_of(home) == scene.new
    return True


class FailingCalls:
    """Lets the call number ``fatal`` of those that change names or force to disk fail."""

    def __init__(self, patch: pytest.MonkeyPatch, error: int, fatal: int | None) -> None:
        self.count = 0
        self._error = error
        self._fatal = fatal
        for name in _CALLS:
            patch.setattr(os, name, self._failing(getattr(os, name)))

    def _failing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            if self.count - 1 == self._fatal:
                raise OSError(self._error, os.strerror(self._error))
            return call(*arguments, **options)

        return failing


@pytest.mark.parametrize(
    ("error", "first", "step"),
    [  # together they let every third call fail
        (errno.ENOSPC, 0, 6),
        (errno.EIO, 3, 6),
        pytest.param(errno.ENOSPC, 0, 1, marks=pytest.mark.slow),
        pytest.param(errno.EIO, 0, 1, marks=pytest.mark.slow),
    ],
)
def test_any_call_may_fail(scene: Scene, tmp_path: Path, error: int, first: int, step: int) -> None:
    home = tmp_path / "home"
    calls, went_well = update_with_failure(scene, home, error, None)
    assert went_well
    failed = 0
    for event in range(first, calls, step):
        _, went_well = update_with_failure(scene, home, error, event)
        failed += not went_well
        assert litter(home) == [] or not went_well
        assert try_to_update(scene, home)
        assert litter(home) == []
    assert failed > 10


def update_with_failure(scene: Scene, home: Path, error: int, fatal: int | None) -> tuple[int, bool]:
    """Update a fresh copy of the collection; how many calls there were, and whether it went well."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(scene.home, home)
    with pytest.MonkeyPatch.context() as patch:
        calls = FailingCalls(patch, error, fatal)
        went_well = try_to_update(scene, home)
    return calls.count, went_well


def test_a_full_disk_leaves_the_collection_as_it_was(scene: Scene, small_disk: Path) -> None:
    home, filler = small_disk / "home", small_disk / "filler"
    outcomes: list[bool] = []
    for free_kilobytes in (0, 4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024):
        shutil.rmtree(home, ignore_errors=True)
        filler.unlink(missing_ok=True)
        shutil.copytree(scene.home, home)
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        filler.write_bytes(bytes(max(0, free - free_kilobytes * 1024)))
        outcomes.append(try_to_update(scene, home))
        if not outcomes[-1]:
            assert state_of(home) == scene.old
            assert not list((home / "collections").rglob(".staged-*"))
        filler.unlink()
        assert try_to_update(scene, home)
        assert litter(home) == []
    assert outcomes[0] is False
    assert outcomes[-1] is True


def test_a_limit_on_the_size_of_files_is_told_as_a_storage_error(scene: Scene, tmp_path: Path) -> None:
    home, outcomes = tmp_path / "home", list[bool]()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for kilobytes in (1, 3, 6, 12, 24, 40, 60, 90, 130, 10_000):
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(scene.home, home)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, hard))
        try:
            outcomes.append(try_to_update(scene, home))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert try_to_update(scene, home)
        assert litter(home) == []
    assert outcomes[0] is False
    assert outcomes[-1] is True


def test_a_read_only_home_is_told_in_one_line_and_can_still_be_read(
    scene: Scene, small_disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Path(shutil.copytree(scene.home, small_disk / "home"))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises((StorageError, SettingsError)):
        update(home, scene.folder)
    monkeypatch.chdir(scene.folder.parent)
    monkeypatch.setenv("TROIKA_HOME", str(home))
    arguments = ["troika", "ingest", str(scene.folder), "--collection", COLLECTION]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as exited:
        troika.main()
    assert exited.value.code in (1, 2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error[")
    assert state_of(home) == scene.old
    with closing(open_snapshot(settings_of(home).home, COLLECTION)) as snapshot:
        assert snapshot.words.search("river", 5)
