"""A real ``troika ingest`` in a process of its own: its wall time, its report, and its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.bench.ingest_memory import PeakMemory, watched_memory
from ingest.errors import TroikaError
from ingest.snapshots.collection import Collection

_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class ProcessRun:
    """Wall seconds from start to end, seconds that the run itself states, and memory.

    ``peak_until_searchable`` is the most memory before the first snapshot, ``peak`` the most of all.
    """

    seconds: float
    inside_seconds: float
    chunks: int
    peak_until_searchable: PeakMemory
    peak: PeakMemory


def run_ingest_process(home: Path, collection: str, folder: Path, *options: str) -> ProcessRun:
    """Ingest a folder by the command line.

    Raises:
        TroikaError: the command failed, or the system has no /proc.
    """
    target = Collection(home, collection)
    environment = os.environ | {"TROIKA_HOME": str(home)}
    # An installed Troika is compiled once; with this set, every start would compile all that it imports.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "troika", "ingest", str(folder), "-c", collection, "--json", *options]
    before, until_searchable = target.current_id(), PeakMemory()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=errors)
        try:
            with watched_memory(process.pid) as peak:
                while process.poll() is None:
                    if target.current_id() == before:
                        until_searchable = PeakMemory(peak.alone_mb, peak.together_mb)
                    time.sleep(_POLL_SECONDS)
                seconds = time.perf_counter() - started
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace").strip().splitlines()
            raise TroikaError(
                f"troika ingest ended with code {process.returncode}: {said[-1] if said else '-'}"
            )
        output.seek(0)
        report: dict[str, Any] = json.loads(output.read())
    return ProcessRun(
        seconds, float(report["seconds"]), int(report["chunks"]["total"]), until_searchable, peak
    )
