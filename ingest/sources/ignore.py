"""Which files of a folder are meant: ``--include``, ``--exclude`` and ignore files.

All patterns have the syntax of ``.gitignore`` and are matched against the path below the folder that was
named (an ignore file's: below its own folder), whatever the case and the Unicode normal form of either:
``*.pdf`` finds ``Report.PDF``.
"""

from __future__ import annotations

import errno
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.errors import GlobError
from ingest.sources.small_files import read_small_file

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".troikaignore"
GIT_IGNORE_FILE = ".gitignore"


@dataclass(frozen=True, slots=True)
class Selection:
    """What the command line asks for; None stands for no such option."""

    include: GitIgnoreSpec | None = None
    exclude: GitIgnoreSpec | None = None

    def takes(self, relative: str) -> bool:
        """Whether the file at ``relative`` is asked for."""
        path = _folded(relative)
        if self.exclude is not None and self.exclude.match_file(path):
            return False
        return self.include is None or self.include.match_file(path)

    def enters(self, relative: str) -> bool:
        """Whether the folder at ``relative`` may hold a file that is asked for."""
        return self.exclude is None or not self.exclude.match_file(f"{_folded(relative)}/")


def select(include: Sequence[str], exclude: Sequence[str]) -> Selection:
    """The selection of these patterns.

    Raises:
        GlobError: one of them is no pattern.
    """
    return Selection(_option("--include", include), _option("--exclude", exclude))


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The ignore files that hold in a folder: their folders (relative, each ending in "/") and patterns."""

    layers: tuple[tuple[str, GitIgnoreSpec], ...] = ()

    def joined_by(self, relative: str, lines: Sequence[str]) -> IgnoreRules:
        """These rules, and those that an ignore file in the folder at ``relative`` adds.

        Raises:
            ValueError: a line is no pattern.
        """
        prefix = f"{_folded(relative)}/" if relative else ""
        return IgnoreRules((*self.layers, (prefix, _compile(lines))))

    def ignores(self, relative: str, *, folder: bool = False) -> bool:
        """Whether the path is ignored; the innermost file that says anything of it decides."""
        if not self.layers:
            return False
        path = _folded(relative) + ("/" if folder else "")
        for prefix, patterns in reversed(self.layers):
            verdict = patterns.check_file(path[len(prefix) :]).include
            if verdict is not None:
                return verdict
        return False


def read_ignore_file(path: str) -> list[str]:
    """The lines of an ignore file.

    Raises:
        OSError: it cannot be read.
    """
    content = read_small_file(path)
    if b"\0" in content:
        raise OSError(errno.EINVAL, "no text file", path)
    return content.decode("utf-8-sig", errors="surrogateescape").splitlines()


def _option(name: str, patterns: Sequence[str]) -> GitIgnoreSpec | None:
    if not patterns:
        return None
    for pattern in patterns:
        try:
            usable = any(held.include is not None for held in _compile([pattern]).patterns)
        except ValueError:
            usable = False
        if not usable:
            raise GlobError(f"{name} {pattern!r} is no pattern: write one as in .gitignore, say '*.pdf'.")
    return _compile(patterns)


def _compile(lines: Sequence[str]) -> GitIgnoreSpec:
    """Raises ValueError for a line that is no pattern."""
    # Imported where there is a pattern: it takes a tenth of a second, and most folders have none.
    from pathspec import GitIgnoreSpec

    try:
        # The simple engine, because the quicker ones hang on what else happens to be installed.
        return GitIgnoreSpec.from_lines([_folded(line) for line in lines], backend="simple")
    except re.error as error:
        raise ValueError(str(error)) from error


def _folded(path: str) -> str:
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", path).lower()
