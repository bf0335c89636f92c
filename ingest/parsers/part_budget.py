"""Keeps what comes out of a file within its limits, and the names of its parts apart."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ingest.errors import UnsafeFileError
from ingest.parsers.parts import PartLimits
from ingest.parsers.text_builder import clean_text, collapse_space

_MAX_NAME_CHARACTERS = 200
_FORBIDDEN = re.compile(r'[<>:"|?*\t\n]')


class PartBudget:
    """Counts the parts of one file and their bytes."""

    def __init__(self, limits: PartLimits) -> None:
        self.limits = limits
        self._count = 0
        self._bytes = 0

    def open_part(self) -> None:
        """Count one more part.

        Raises:
            UnsafeFileError: there are more than the limit allows.
        """
        self._count += 1
        if self._count > self.limits.count:
            raise UnsafeFileError(
                f"the file holds more than {self.limits.count} others, which is the most that is read: "
                "split it."
            )

    def take(self, size: int) -> None:
        """Count ``size`` more bytes.

        Raises:
            UnsafeFileError: together they are more than the limit allows.
        """
        self._bytes += size
        if self._bytes > self.limits.all_bytes:
            raise UnsafeFileError(
                f"the file unpacks to more than {self.limits.all_bytes} bytes, which is the most that is "
                "read: split it, or check where it is from."
            )


class AttachmentNames:
    """Names for attachments: the last part of the stated path, cleaned, each once."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def choose(self, stated: str | None, suffix: str) -> str:
        """A name like ``stated``, or made up with ``suffix`` where that says nothing."""
        name = collapse_space(clean_text(stated or "")).replace("\\", "/").rpartition("/")[2]
        name = _FORBIDDEN.sub("_", name).strip(". ")
        if not name:
            name = f"attachment{suffix}"
        path = PurePosixPath(name)
        stem, ending = path.stem[:_MAX_NAME_CHARACTERS], path.suffix[:_MAX_NAME_CHARACTERS]
        chosen = f"{stem}{ending}"
        number = 2
        while chosen.lower() in self._used:
            chosen = f"{stem}-{number}{ending}"
            number += 1
        self._used.add(chosen.lower())
        return chosen
