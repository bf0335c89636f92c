"""Find the files to ingest: in order, each once, none outside what was named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import PathNotFoundError


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to ingest; ``uri`` is its absolute ``file:`` address."""

    path: Path
    uri: str


@dataclass(frozen=True, slots=True)
class Sources:
    """The files found, the addresses they were found under, and the folders that could not be read."""

    files: tuple[SourceFile, ...]
    roots: tuple[str, ...]
    unreadable: tuple[OSError, ...] = ()

    def covers(self, uri: str) -> bool:
        """Whether a file ``uri`` would have been found: it is a root or below one, and not in the dark."""
        dark = (Path(str(error.filename)).as_uri() for error in self.unreadable)
        return any(_is_below(uri, root) for root in self.roots) and not any(
            _is_below(uri, folder) for folder in dark
        )


def find_files(paths: Sequence[Path]) -> Sources:
    """All files named by ``paths`` or below folders named there, sorted by address.

    Hidden files and folders are passed over, and so are linked folders and links that lead out of the
    named folder.

    Raises:
        PathNotFoundError: a path does not exist.
    """
    found: dict[str, SourceFile] = {}
    roots: list[str] = []
    unreadable: list[OSError] = []
    for path in paths:
        if not path.exists():
            raise PathNotFoundError(f"{path} does not exist: check the path.")
        root = path.resolve()
        roots.append(root.as_uri())
        for file in _walk(root, unreadable) if root.is_dir() else [root]:
            found[file.as_uri()] = SourceFile(file, file.as_uri())
    return Sources(tuple(found[uri] for uri in sorted(found)), tuple(roots), tuple(unreadable))


def _walk(root: Path, unreadable: list[OSError]) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(root, onerror=unreadable.append):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in names:
            path = Path(folder, name)
            if not name.startswith(".") and path.is_file() and path.resolve().is_relative_to(root):
                yield path.resolve()


def _is_below(uri: str, root: str) -> bool:
    return uri == root or uri.startswith(f"{root.rstrip('/')}/")
