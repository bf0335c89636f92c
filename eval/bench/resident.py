"""Resident memory of this process: its own pages, and those of files that it has mapped."""

from __future__ import annotations

import gc
import re
from dataclasses import dataclass
from pathlib import Path

_BYTES_PER_KIB = 1024


@dataclass(frozen=True, slots=True)
class Resident:
    """Bytes in memory: ``own`` are this process's alone, ``mapped`` are pages of files, which the system may
    drop and read again at any time."""

    own: int
    mapped: int

    def since(self, before: Resident) -> Resident:
        """What was added since ``before``; less is less than nothing."""
        return Resident(self.own - before.own, self.mapped - before.mapped)


def resident() -> Resident:
    """The memory of this process, with what it has thrown away collected.

    Raises:
        OSError: the system has no /proc.
    """
    gc.collect()
    status = Path("/proc/self/status").read_text("utf-8")
    sizes = dict(re.findall(r"^(RssAnon|RssFile):\s+(\d+) kB$", status, re.MULTILINE))
    return Resident(int(sizes["RssAnon"]) * _BYTES_PER_KIB, int(sizes["RssFile"]) * _BYTES_PER_KIB)
