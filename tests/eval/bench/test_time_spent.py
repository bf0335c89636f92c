"""Time that was spent is told by the clock and by what it cost the processors."""

from __future__ import annotations

import subprocess
import sys
import time

from eval.bench.time_spent import TimeSpent, time_spent


def test_what_was_spent_is_a_difference() -> None:
    assert TimeSpent(3.0, 5.0).since(TimeSpent(1.0, 4.5)) == TimeSpent(2.0, 0.5)


def test_waiting_costs_no_processor_time() -> None:
    started = time_spent()
    time.sleep(0.2)
    spent = time_spent().since(started)
    assert spent.seconds >= 0.2 > spent.processor_seconds


def test_processes_that_ended_are_counted_with_the_one_that_started_them() -> None:
    started = time_spent()
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", busy], check=True)
    assert time_spent().since(started).processor_seconds >= 0.3
