"""Find the files to ingest: in order, each once, none outside what was named."""

from __future__ import annotations

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
    """The files found, and the addresses of the files and folders they were found under."""

    files: tuple[SourceFile, ...]
    roots: tuple[str, ...]

    def covers(self, uri: str) -> bool:
        """Whether ``uri`` is one of the roots, or lies below one that is a folder."""
        return any(uri == root or uri.startswith(f"{root}/") for root in self.roots)


def find_files(paths: Sequence[Path]) -> Sources:
    """All files named by ``paths`` or below folders named there, sorted by address.

    Hidden files and folders are passed over, and so are links that lead out of the named folder.

    Raises:
        PathNotFoundError: a path does not exist.
    """
    found: dict[str, SourceFile] = {}
    roots: list[str] = []
    for path in paths:
        if not path.exists():
            raise PathNotFoundError(f"{path} does not exist: check the path.")
        root = path.resolve()
        roots.append(root.as_uri())
        for file in _walk(root) if root.is_dir() else [root]:
            found[file.as_uri()] = SourceFile(file, file.as_uri())
    return Sources(tuple(found[uri] for uri in sorted(found)), tuple(roots))


def _walk(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if hidden or not path.is_file():
            continue
        target = path.resolve()
        if target.is_relative_to(root):
            yield target
