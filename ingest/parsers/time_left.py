"""How long a parser may still take: a worker sets an alarm over each part of a file, which ends it."""

from __future__ import annotations

import math
import signal


def seconds_left() -> float:
    """Seconds until the alarm of this process; infinity where none is set, as outside of a worker."""
    return signal.getitimer(signal.ITIMER_REAL)[0] or math.inf
