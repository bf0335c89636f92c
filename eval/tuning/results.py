"""What was measured so far, kept in a file: a search that is run again goes through it without measuring.

The search is the same for the same seed and results, so this is all that is needed to go on with one that
was interrupted; the storage of Optuna would forget the sampler's state.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from eval.tuning.objective import Measured
from eval.tuning.space import Candidate


class Results:
    """Measures each candidate once. A file that was cut off loses its last line and no other."""

    def __init__(self, path: Path, measure: Callable[[Candidate], Measured], timeout_s: float | None) -> None:
        """After ``timeout_s`` seconds nothing new is measured; ``path`` is for these cases and settings."""
        self._path = path
        self._measure = measure
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._known = _read(path)
        self.met: dict[Candidate, Measured] = {}

    def measured(self, candidate: Candidate) -> Measured:
        """What came of a candidate, now or before."""
        key = candidate.key
        if key not in self._known:
            found = self._measure(candidate)
            self._known[key] = found
            line = json.dumps({"candidate": key, "values": found.values.tolist(), "p95_ms": found.p95_ms})
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}")
        return self.met.setdefault(candidate, self._known[key])

    def in_time(self, candidate: Candidate) -> Measured | None:
        """The same; None for one that would have to be measured now, after the time is over."""
        is_over = self._deadline is not None and time.monotonic() >= self._deadline
        return None if is_over and candidate.key not in self._known else self.measured(candidate)


def _read(path: Path) -> dict[str, Measured]:
    found: dict[str, Measured] = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue  # blank, or cut off
        found[record["candidate"]] = Measured(np.array(record["values"]), record["p95_ms"])
    return found
