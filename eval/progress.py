"""How a measurement goes on, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from eval.metrics.words import token_f1
from eval.runs.record import CaseRecord, Failure
from service.grounding.cite import without_markers

_LINE_SECONDS = 10.0


def nothing() -> None:
    """The progress report of a run that nobody watches."""


@contextmanager
def progress_bar(description: str, total: int) -> Generator[Callable[[], None]]:
    """Show a bar while the block runs, silent where standard error is no terminal.

    The block calls what it is given after each step.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    silent = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=silent) as progress:
        task = progress.add_task(description, total=total)
        yield lambda: progress.advance(task)


@dataclass(slots=True)
class RunningFigures:
    """What a run of answers has come to so far.

    F1 is that of ``eval.metrics``: over the answerable cases, 0 where the answer is refused or failed.
    """

    answered: int = 0
    refused: int = 0
    failed: int = 0
    first_failure: Failure | None = None
    _answerable: int = 0
    _f1_sum: float = 0.0

    @property
    def count(self) -> int:
        """The cases so far."""
        return self.answered + self.refused + self.failed

    def add(self, record: CaseRecord) -> None:
        """Count one case."""
        answer = record.answer
        self._answerable += record.case.answerable
        if answer is None:
            self.failed += 1
            self.first_failure = self.first_failure or record.failure
        elif answer.abstained:
            self.refused += 1
        else:
            self.answered += 1
            if record.case.answerable:
                self._f1_sum += token_f1(without_markers(answer.text), record.case.answers)

    def __str__(self) -> str:
        f1 = f", F1 {self._f1_sum / self._answerable:.3f}" if self._answerable else ""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.answered} answered, {self.refused} refused{f1}{failed}"


@contextmanager
def show_figures(name: str, total: int, figures: RunningFigures) -> Generator[Callable[[], None]]:
    """Show ``figures`` while the block runs: beside a bar on a terminal, else in a line now and then.

    The block calls what it is given when the figures have changed.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(console, name, total, figures).changed
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name, total=total, completed=figures.count, figures=str(figures))
        yield lambda: progress.update(task, completed=figures.count, figures=str(figures))


class _Lines:
    """A line every ten seconds, for logs."""

    def __init__(self, console: Console, name: str, total: int, figures: RunningFigures) -> None:
        self._console = console
        self._name = name
        self._total = total
        self._figures = figures
        self._before = figures.count
        self._started = self._last = time.monotonic()

    def changed(self) -> None:
        now = time.monotonic()
        if now - self._last < _LINE_SECONDS:
            return
        self._last = now
        done = self._figures.count
        left = (self._total - done) * (now - self._started) / max(1, done - self._before)
        line = f"{self._name}: {done} of {self._total} cases ({self._figures}), {left:.0f} s left"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
