"""Under which names something of a collection is in Milvus, and which kept snapshots need it.

A name is an empty file in ``stores/`` of the collection's folder from before anything is made under it until
after all of it is deleted.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from ingest.snapshots.collection import Collection
from ingest.snapshots.durable import sync_directory
from ingest.snapshots.manifest import read_manifest
from ingest.stores.milvus_rows import Part, SnapshotRows, load_rows


def new_name(target: Collection) -> str:
    """A name that nobody has, written down."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in target.name)
    name = f"troika_{words}_{secrets.token_hex(8)}"
    folder = _folder(target)
    folder.mkdir(exist_ok=True)
    (folder / name).touch()
    sync_directory(folder)
    sync_directory(folder.parent)
    return name


def names_of(target: Collection) -> list[str]:
    """The names that are written down."""
    folder = _folder(target)
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def forget_name(target: Collection, name: str) -> None:
    """Strike out a name."""
    (_folder(target) / name).unlink()


def table_name(name: str, part: Part) -> str:
    """What a part of what is under ``name`` is called in Milvus."""
    return f"{name}_{part}"


def kept_rows(target: Collection) -> dict[str, list[SnapshotRows]]:
    """The rows of each kept snapshot that has some in Milvus, by the name that they are under.

    Raises:
        SnapshotCorruptError, IncompatibleSnapshotError: a snapshot cannot say.
    """
    found: dict[str, list[SnapshotRows]] = {}
    for directory in target.published():
        name = read_manifest(directory).store.name
        if name:
            found.setdefault(name, []).append(load_rows(directory))
    return found


def _folder(target: Collection) -> Path:
    return target.directory / "stores"
