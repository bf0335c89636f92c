"""Find the files to ingest: in order, each once, none outside what was named."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from ingest.document import MetadataValue
from ingest.errors import MetadataError, ParseError, PathNotFoundError, UnreadableFileError
from ingest.sources.ignore import (
    GIT_IGNORE_FILE,
    IGNORE_FILE,
    IgnoreRules,
    Selection,
    read_ignore_file,
    select,
)
from ingest.sources.sidecars import Sidecars, is_sidecar
from ingest.sources.source import SourceFailure, SourceFile, Stamp

_MEMBER_MARK = "!/"


@dataclass(frozen=True, slots=True)
class Sources:
    """The files found, the addresses they were found under, and what could not be read.

    ``unreadable`` are folders; ``failures`` are files, and folders whose files must not be taken.
    """

    files: tuple[SourceFile, ...]
    roots: tuple[str, ...]
    unreadable: tuple[OSError, ...] = ()
    failures: tuple[SourceFailure, ...] = ()
    selection: Selection = field(default_factory=Selection)

    def covers(self, uri: str) -> bool:
        """Whether a file ``uri`` would have been found, or something inside of it.

        It is a root or below one, not in the dark, and not passed over by ``--include`` or ``--exclude``: a
        run that is asked for some files says nothing of the others. What an ignore file names is covered,
        since it says for good that this is no document.
        """
        roots = [root for root in self.roots if _is_below(uri, root)]
        if not any(self.selection.takes(_relative(uri, root)) for root in roots):
            return False
        dark = (
            *(Path(str(error.filename)).as_uri() for error in self.unreadable),
            *(failure.uri for failure in self.failures),
        )
        return not any(_is_below(uri, place) for place in dark)


def find_files(
    paths: Sequence[Path],
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    metadata: Mapping[str, MetadataValue] | None = None,
    gitignore: bool = False,
) -> Sources:
    """All files named by ``paths`` or below folders named there, sorted by address.

    Passed over are hidden files and folders, what a ``.troikaignore`` names, linked folders, links that
    lead out of the named folder, pipes and devices, and sidecars, which are read as metadata instead.

    Args:
        paths: files and folders.
        include: patterns as in a ``.gitignore``; only files that match one are taken.
        exclude: patterns of files and folders that are passed over; they win over ``include``.
        metadata: what is stated of all files; it overrides their sidecars.
        gitignore: whether ``.gitignore`` files are obeyed, too.

    Raises:
        PathNotFoundError: a path does not exist.
        GlobError: a pattern cannot be read.
    """
    search = _Search(select(include, exclude), Sidecars(metadata or {}), gitignore)
    roots: list[str] = []
    for path in paths:
        if not _exists(path):
            raise PathNotFoundError(f"{path} does not exist: check the path.")
        root = path.resolve()
        roots.append(root.as_uri())
        search.take_root(str(root))
    return Sources(
        tuple(search.found[uri] for uri in sorted(search.found)),
        tuple(roots),
        tuple(search.unreadable),
        tuple(search.failures[uri] for uri in sorted(search.failures)),
        search.selection,
    )


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to look into: its place on disk, below the root ("" is the root), and the rules in it."""

    path: str
    relative: str
    rules: IgnoreRules


class _Search:
    """Collects what is found, by address."""

    def __init__(self, selection: Selection, sidecars: Sidecars, gitignore: bool) -> None:
        self.selection = selection
        self.found: dict[str, SourceFile] = {}
        self.failures: dict[str, SourceFailure] = {}
        self.unreadable: list[OSError] = []
        self._sidecars = sidecars
        # The last one wins, and what is written for this program knows best.
        self._ignore_files = (GIT_IGNORE_FILE, IGNORE_FILE) if gitignore else (IGNORE_FILE,)

    def take_root(self, root: str) -> None:
        """Take a file that was named outright, or all that is in a folder."""
        try:
            status = Path(root).stat()
            if stat.S_ISDIR(status.st_mode):
                self._take_folder(root)
                return
            folder, name = os.path.split(root)
            if not self.selection.takes(name):
                return
            if not stat.S_ISREG(status.st_mode):
                self._fail(root, UnreadableFileError(f"{root} is no regular file: name a file."))
            elif not (is_sidecar(name) and self._sidecars.describes(folder, name)):
                self._take(folder, name, status)
        except OSError as error:
            self.unreadable.append(error)

    def _take_folder(self, root: str) -> None:
        waiting = [_Folder(root, "", IgnoreRules())]
        while waiting:
            folder = waiting.pop()
            entries = self._list(folder.path)
            if entries is None:
                continue
            try:
                self._sidecars.of_folder(folder.path)
                rules = self._rules(folder, entries)
            except ParseError as error:
                self._fail(folder.path, error)
                continue
            waiting.extend(self._take_entries(root, folder, rules, entries))

    def _take_entries(
        self, root: str, folder: _Folder, rules: IgnoreRules, entries: dict[str, os.DirEntry[str]]
    ) -> Iterator[_Folder]:
        """Take the files among the entries of a folder; yields the folders among them."""
        lost = self._sidecars.list_folder(folder.path, entries)
        for name, entry in entries.items():
            if name.startswith("."):
                continue
            relative = f"{folder.relative}/{name}" if folder.relative else name
            try:
                if entry.is_dir(follow_symlinks=False):
                    if self.selection.enters(relative) and not rules.ignores(relative, folder=True):
                        yield _Folder(entry.path, relative, rules)
                elif self.selection.takes(relative) and not rules.ignores(relative):
                    if is_sidecar(name):
                        self._report_lost(entry.path, name in lost)
                    else:
                        self._take_entry(root, folder.path, entry)
            except OSError as error:
                # Deleted since the folder was listed, or a link to nowhere or to itself.
                if error.errno not in (errno.ENOENT, errno.ELOOP):
                    self.unreadable.append(error)

    def _take_entry(self, root: str, folder: str, entry: os.DirEntry[str]) -> None:
        if entry.is_file(follow_symlinks=False):
            self._take(folder, entry.name, entry.stat(follow_symlinks=False))
        elif entry.is_symlink():
            target = Path(os.path.realpath(entry.path))
            if target.is_relative_to(root) and entry.is_file():
                self._take(str(target.parent), target.name, target.stat())

    def _take(self, folder: str, name: str, status: os.stat_result) -> None:
        path = f"{folder.rstrip('/')}/{name}"
        try:
            metadata = self._sidecars.of_file(folder, name)
        except MetadataError as error:
            self._fail(path, error)
            return
        uri = _uri(path)
        self.found[uri] = SourceFile(path, uri, Stamp(status.st_size, status.st_mtime_ns), metadata)

    def _report_lost(self, path: str, is_lost: bool) -> None:
        if is_lost:
            reason = f"{path} describes no file beside it: rename it after the file it is for, or remove it."
            self._fail(path, MetadataError(reason))

    def _fail(self, path: str, error: ParseError) -> None:
        self.failures[_uri(path)] = SourceFailure(_uri(path), error)

    def _list(self, folder: str) -> dict[str, os.DirEntry[str]] | None:
        try:
            with os.scandir(folder) as entries:
                return {entry.name: entry for entry in entries}
        except OSError as error:
            self.unreadable.append(error)
            return None

    def _rules(self, folder: _Folder, entries: Mapping[str, os.DirEntry[str]]) -> IgnoreRules:
        rules = folder.rules
        for name in self._ignore_files:
            if name in entries:
                path = os.path.join(folder.path, name)  # noqa: PTH118 - of strings, since there are many
                try:
                    rules = rules.joined_by(folder.relative, read_ignore_file(path))
                except (OSError, ValueError) as error:
                    reason = error.strerror if isinstance(error, OSError) else error
                    raise UnreadableFileError(
                        f"{path} cannot be used ({reason}), so nothing of its folder is taken: correct it or "
                        "remove it."
                    ) from error
        return rules


def is_inside(address: str, file: str) -> bool:
    """Whether an address is ``file`` or names something inside of it."""
    return address == file or address.startswith(f"{file}{_MEMBER_MARK}")


def _is_below(address: str, root: str) -> bool:
    return is_inside(address, root) or address.startswith(f"{root.rstrip('/')}/")


def _relative(uri: str, root: str) -> str:
    """The path of a file's address below a root; of a root itself, its name."""
    file = uri.partition(_MEMBER_MARK)[0]
    quoted = file[len(root.rstrip("/")) + 1 :] if len(file) > len(root) else file.rpartition("/")[2]
    return os.fsdecode(unquote_to_bytes(quoted.lstrip("/")))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # a folder above it may not be searched, which is reported when it is read


def _uri(path: str) -> str:
    return "file://" + quote_from_bytes(os.fsencode(path))
