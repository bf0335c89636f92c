"""How a training goes on, on standard error: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINE_SECONDS = 10.0


class TrainingProgress:
    """Shows the step, the loss, the tokens per second and the time left."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, TimeRemainingColumn(), console=self._console)
        self._task = self._bar.add_task("training")
        self._first = self._total = 0
        self._started = self._last_line = 0.0
        self._figures = ""

    def start(self, output: Path, step: int, steps: int) -> None:
        """Begin at ``step`` of ``steps``; the state is saved in ``output``."""
        self._first, self._total = step, steps
        self._started = self._last_line = time.monotonic()
        self._print(f"training in {output}, {steps - step} steps")
        if self._console.is_terminal:
            self._bar.update(self._task, completed=step, total=steps)
            self._bar.start()

    def measured(self, loss: float, tokens_per_second: float) -> None:
        """Take note of the latest figures."""
        self._figures = f"loss {loss:.3f}, {tokens_per_second:.0f} tokens/s"
        self._bar.update(self._task, description=self._figures)

    def reached(self, step: int) -> None:
        """Take note of the end of a step."""
        self._bar.update(self._task, completed=step)
        now = time.monotonic()
        if self._console.is_terminal or now - self._last_line < _LINE_SECONDS:
            return
        self._last_line = now
        left = (self._total - step) * (now - self._started) / max(1, step - self._first)
        # The figures of a step are logged after its end: the first has none yet.
        told = (f"step {step} of {self._total}", self._figures, f"{left:.0f} s left")
        self._print(", ".join(filter(None, told)))

    def stop(self) -> None:
        """Leave the last state of the bar standing."""
        self._bar.stop()

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
