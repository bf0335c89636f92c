"""Files inside of files: the members of an archive, the attachments of a message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ingest.errors import ParseError


@dataclass(frozen=True, slots=True)
class PartLimits:
    """How much may come out of one file: sizes in bytes, and a count of parts."""

    part_bytes: int = 100_000_000
    all_bytes: int = 1_000_000_000
    count: int = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """A file inside of another. ``name`` is its path there, with forward slashes and nothing above it.

    ``content`` is the error that explains why this part alone was refused, where it was.
    """

    name: str
    content: bytes | ParseError


PartsReader = Callable[[bytes, PartLimits], Iterator[Part]]
"""Yields the parts one by one, none kept; raises a ParseError for a file that is refused as a whole."""
