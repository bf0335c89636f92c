"""Write files so that a crash leaves the old or the new state, never a mixture."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

_BLOCK_BYTES = 1 << 20


def replace_text(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` atomically and durably."""
    staged = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with staged.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(staged, path)
    finally:
        staged.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_tree(directory: Path) -> None:
    """Force every file and folder below ``directory`` to disk."""
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            sync_directory(path)
    sync_directory(directory)


def sync_directory(directory: Path) -> None:
    """Force the names in ``directory`` to disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
