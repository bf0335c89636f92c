"""The time that an alarm leaves."""

from __future__ import annotations

import math
import signal

from ingest.parsers.time_left import seconds_left


def test_the_time_is_that_of_the_alarm_if_there_is_one() -> None:
    assert seconds_left() == math.inf
    signal.setitimer(signal.ITIMER_REAL, 100)
    try:
        assert 90 < seconds_left() <= 100
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert seconds_left() == math.inf
