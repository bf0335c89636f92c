"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer as far as its speed goes. ``cores`` are those that this process may use."""

    processor: str
    cores: int
    memory_gib: float
    python: str


def this_machine() -> Machine:
    """The machine that this process runs on."""
    return Machine(_processor(), _cores(), _memory_gib(), platform.python_version())


def _processor() -> str:
    # platform.processor() is empty or just "x86_64" on Linux, so the kernel's own list comes first.
    try:
        listed = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        listed = ""
    named = re.search(r"^model name\s*:\s*(.+)$", listed, re.MULTILINE)
    return named.group(1).strip() if named else platform.processor() or platform.machine()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
