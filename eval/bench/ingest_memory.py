"""How much memory a process and its children use at most, looked at ten times a second."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import TroikaError

_EVERY_SECONDS = 0.1
_BYTES_PER_MB = 1_000_000


@dataclass(slots=True)
class PeakMemory:
    """The most resident memory seen, MB (10^6 bytes): of the process alone, and with all below it.

    Pages that processes share are counted for each of them.
    """

    alone_mb: float = 0.0
    together_mb: float = 0.0


@contextmanager
def watched_memory(process_id: int) -> Generator[PeakMemory]:
    """Watch a process while the block runs; what is given is up to date when it ends.

    Raises:
        TroikaError: the system has no /proc.
    """
    if not Path("/proc/self/statm").exists():
        raise TroikaError("/proc/self/statm cannot be read: memory is measured on Linux alone.")
    peak, ended = PeakMemory(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(process_id, peak, ended), daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def _watch(process_id: int, peak: PeakMemory, ended: threading.Event) -> None:
    while True:
        alone = _resident_mb(process_id)
        peak.alone_mb = max(peak.alone_mb, alone)
        peak.together_mb = max(peak.together_mb, alone + sum(map(_resident_mb, _descendants(process_id))))
        if ended.wait(_EVERY_SECONDS):
            return


def _resident_mb(process_id: int) -> float:
    try:
        pages = int(Path(f"/proc/{process_id}/statm").read_text("ascii").split()[1])
    except (OSError, IndexError):
        return 0.0  # it ended a moment ago
    return pages * os.sysconf("SC_PAGE_SIZE") / _BYTES_PER_MB


def _descendants(process_id: int) -> list[int]:
    """All processes that this one started, and those that they started."""
    found: list[int] = []
    waiting = [process_id]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            try:
                children = [int(child) for child in task.read_text("ascii").split()]
            except OSError:
                continue
            found += children
            waiting += children
    return found
