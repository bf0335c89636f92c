"""How long something took, and what it cost the processors."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """Seconds by the clock, and seconds of processors: of this process and of those it started that ended."""

    seconds: float
    processor_seconds: float

    def since(self, before: TimeSpent) -> TimeSpent:
        """What was spent since ``before``."""
        return TimeSpent(self.seconds - before.seconds, self.processor_seconds - before.processor_seconds)


def time_spent() -> TimeSpent:
    """What was spent up to now; the clock starts anywhere, so that only a difference says something."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return TimeSpent(time.perf_counter(), sum(one.ru_utime + one.ru_stime for one in used))
