"""A comparison for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from eval.decision.comparison import Comparison, Row, Verdict
from eval.statistics.significance import Difference


def comparison_lines(comparison: Comparison) -> Group:
    """Every measure over all cases, and those slices on which the runs differ."""
    first, second = comparison.first, comparison.second
    differing = [row for row in comparison.slices if row.verdict is not Verdict.CANNOT_TELL]
    slices = len({row.slice for row in comparison.slices})
    return Group(
        Text(
            f"A {first.release} · {first.generator} · {first.created_at}\n"
            f"B {second.release} · {second.generator} · {second.created_at}\n"
            f"{comparison.cases:,} cases about {comparison.sources:,} sources; B minus A with 95 % intervals"
        ),
        _table(comparison.rows),
        Text(f"{slices} slices, p adjusted over them; B differs in {len(differing)} figures of these"),
        *([_table(differing)] if differing else []),
    )


def _table(rows: Sequence[Row]) -> Table:
    table = Table()
    table.add_column("measure")
    for name in ("cases", "A", "B", "B - A", "interval", "p"):
        table.add_column(name, justify="right")
    table.add_column("B is")
    for row in rows:
        if row.difference is not None:
            table.add_row(*_cells(row, row.difference))
    return table


def _cells(row: Row, found: Difference) -> tuple[str, ...]:
    return (
        row.measure if row.slice is None else f"{row.measure} · {row.slice}",
        f"{row.cases:,}",
        _figure(row.first.value),
        _figure(row.second.value),
        f"{found.value:+.3f}",
        f"{found.interval.low:+.3f} … {found.interval.high:+.3f}",
        f"{found.p_value:.4f}",
        _words(row),
    )


def _words(row: Row) -> str:
    """The verdict; where it's open, what would settle it."""
    if row.verdict is not Verdict.CANNOT_TELL or row.cases_needed is None:
        return row.verdict.value
    if row.cases_needed <= row.cases:
        return f"{row.verdict.value} (a close call)"
    return f"{row.verdict.value} (would take {row.cases_needed:,} cases)"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
