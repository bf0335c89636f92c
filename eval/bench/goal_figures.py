"""Figures with goals and peers, as values, as JSON, as a table and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date

from rich.console import Group
from rich.table import Table
from rich.text import Text

from eval.bench.machine import Machine


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: what was measured, of whom, and in which unit.

    A peer has no ``goal``; one that could not be measured has no ``value``, and ``note`` says why.
    """

    part: str
    what: str
    who: str
    unit: str
    value: float | None
    goal: float | None = None
    at_least: bool = True
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; None where there is none."""
        if self.goal is None or self.value is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal


@dataclass(frozen=True, slots=True)
class GoalFigures:
    """All that ``command`` measured in one run."""

    command: str
    measured_on: date
    machine: Machine
    figures: tuple[Figure, ...]

    def to_json(self) -> dict[str, object]:
        """The figures in the form that the command prints with ``--json``."""
        figures = [asdict(figure) | {"met": figure.met} for figure in self.figures]
        return {
            "measured_on": self.measured_on.isoformat(),
            "machine": asdict(self.machine),
            "figures": figures,
        }


def figure_rows(figures: GoalFigures) -> Iterator[tuple[str, str, str, str]]:
    """Each figure as a person reads it: what, who, value, goal."""
    for figure in figures.figures:
        value = "not measured" if figure.value is None else f"{_number(figure.value)} {figure.unit}".rstrip()
        if figure.note:
            value = f"{value} ({figure.note})"
        yield figure.what, figure.who, value, _goal(figure)


def goal_lines(figures: GoalFigures) -> Group:
    """The figures for a person at a terminal."""
    table = Table()
    for name in ("what was measured", "who", "here", "goal"):
        table.add_column(name, overflow="fold")
    for row in figure_rows(figures):
        table.add_row(*map(Text, row))
    return Group(Text(_where(figures.machine)), table)


def goal_markdown(figures: GoalFigures) -> str:
    """The figures as a Markdown table, under a line that says where, when and how they were measured."""
    rows = [f"| {' | '.join(row)} |" for row in figure_rows(figures)]
    where = f"`{figures.command}`, {figures.measured_on.isoformat()}, {_where(figures.machine)}:"
    return "\n".join((where, "", "| what was measured | who | here | goal |", "|---|---|---|---|", *rows))


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    verdict = {True: "met", False: "missed", None: "not measured"}[figure.met]
    return f"{'≥' if figure.at_least else '≤'} {_number(figure.goal)} {figure.unit}".rstrip() + f": {verdict}"


def _where(machine: Machine) -> str:
    return (
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gib:.0f} GiB, Python {machine.python}"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
