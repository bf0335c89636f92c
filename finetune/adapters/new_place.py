"""Folders and files that appear when they are whole, where nothing was before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ingest.errors import UsageError
from ingest.snapshots.durable import storage_errors, sync_directory, sync_tree


@contextmanager
def new_folder(target: Path) -> Generator[Path]:
    """A folder to write in, which becomes ``target`` when all went well, and else is removed.

    Raises:
        UsageError: ``target`` exists.
        StorageError: it cannot be written.
    """
    staged = _staged(target)
    with storage_errors(target.parent):
        staged.mkdir(parents=True)
        try:
            yield staged
            sync_tree(staged)
            os.replace(staged, target)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        sync_directory(target.parent)


@contextmanager
def new_file(target: Path) -> Generator[Path]:
    """A file to write, which becomes ``target`` when all went well; the errors are as above."""
    staged = _staged(target)
    with storage_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield staged
            with staged.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(staged, target)
        finally:
            staged.unlink(missing_ok=True)
        sync_directory(target.parent)


def _staged(target: Path) -> Path:
    if target.exists():
        raise UsageError(f"{target} exists already: name another place, or remove it.")
    return target.with_name(f".{target.name}.{os.getpid()}")
