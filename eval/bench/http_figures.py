"""The figures of ``troika bench http``, as values, as JSON, as a table and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date

from rich.console import Group
from rich.table import Table
from rich.text import Text

from eval.bench.http_run import ServedLoad
from eval.bench.machine import Machine
from eval.bench.server_process import Memory

COMMAND = "troika bench http"
_COLUMNS = ("load", "p50, ms", "p95, ms", "p99, ms", "a second", "server's processor, ms", "client's")


@dataclass(frozen=True, slots=True)
class Goals:
    """What a server has to reach over ``chunks`` chunks: at half load, and at the most it serves."""

    chunks: int
    half_p50_ms: float
    half_p99_ms: float
    per_second: float
    busiest_p99_ms: float | None = None


START_SECONDS = 3.0
GOALS = (Goals(100_000, 3.0, 6.0, 400.0, 25.0), Goals(1_000_000, 8.0, 15.0, 120.0))


@dataclass(frozen=True, slots=True)
class HttpBenchFigures:
    """All that ``troika bench http`` measured.

    ``alone`` is one connection kept busy, ``half`` half of the most served a second, on a schedule,
    ``busiest`` the most served, ``bare`` a request without work. ``start_seconds`` is from the server's
    command until it was ready, with the embedder and the collection open and no model that writes;
    ``empty_start_seconds`` is the same without a collection, and so without any model.
    """

    measured_on: date
    machine: Machine
    text: str
    chunks: int
    alone: ServedLoad
    half: ServedLoad
    busiest: ServedLoad
    bare: ServedLoad
    memory: Memory
    start_seconds: float
    empty_start_seconds: float

    def to_json(self) -> dict[str, object]:
        """The figures in the form that ``troika bench http --json`` prints; ``latency_ms`` is at half load.

        No peer of retrieval comes with a server, so ``peers`` is empty.
        """
        times = self.half.run.times
        return {
            "chunks": self.chunks,
            "latency_ms": {"p50": times.p50_ms, "p95": times.p95_ms, "p99": times.p99_ms},
            "throughput_rps": self.busiest.run.per_second,
            "rss_mb": self.memory.resident_mb,
            "start_seconds": self.start_seconds,
            "empty_start_seconds": self.empty_start_seconds,
            "peers": {},
            "loads": {name: asdict(load) for name, load in self._loads()},
            "goals": [{"reached": a, "goal": b, "met": met} for a, b, met in self.verdicts()],
            "measured_on": self.measured_on.isoformat(),
            "machine": asdict(self.machine),
            "text": self.text,
        }

    def verdicts(self) -> Iterator[tuple[str, str, bool]]:
        """Each goal: what was reached, the goal, and whether it is met; at other sizes that of the start."""
        yield (
            f"answers {self.empty_start_seconds:.1f} s after its start, without a model to load",
            f"≤ {START_SECONDS:g}",
            self.empty_start_seconds <= START_SECONDS,
        )
        for goals in GOALS:
            if goals.chunks == self.chunks:
                half, busiest = self.half.run.times, self.busiest.run
                yield (
                    f"p50 {half.p50_ms:.2f} ms at half load",
                    f"≤ {goals.half_p50_ms:g}",
                    (half.p50_ms <= goals.half_p50_ms),
                )
                yield (
                    f"p99 {half.p99_ms:.2f} ms at half load",
                    f"≤ {goals.half_p99_ms:g}",
                    (half.p99_ms <= goals.half_p99_ms),
                )
                yield (
                    f"{busiest.per_second:.0f} a second",
                    f"≥ {goals.per_second:g}",
                    (busiest.per_second >= goals.per_second),
                )
                if goals.busiest_p99_ms is not None:
                    yield (
                        f"p99 {busiest.times.p99_ms:.2f} ms then",
                        f"≤ {goals.busiest_p99_ms:g}",
                        (busiest.times.p99_ms <= goals.busiest_p99_ms),
                    )

    def rows(self) -> Iterator[tuple[str, ...]]:
        """A row for each load, as a person reads it."""
        names = {
            "alone": "one connection, asked again when answered",
            "half": f"half load, {self.half.run.value:.0f} a second on a schedule",
            "busiest": f"the most served, {self.busiest.run.value:.0f} connections",
            "bare": "a request without work, one connection",
        }
        for name, load in self._loads():
            times = load.run.times
            latencies = (f"{ms:.2f}" for ms in (times.p50_ms, times.p95_ms, times.p99_ms))
            spent = (f"{load.server_ms:.2f}", f"{times.cpu_ms:.2f}")
            yield names[name], *latencies, f"{load.run.per_second:.0f}", *spent

    def remarks(self) -> Iterator[str]:
        """The goals and the server's memory."""
        for reached, goal, met in self.verdicts():
            yield f"{reached} (goal {goal}: {'met' if met else 'missed'})"
        yield f"ready {self.start_seconds:.1f} s after its start, with the embedder and the collection"
        yield f"server: {self.memory.resident_mb:.0f} MB resident, {self.memory.peak_mb:.0f} MB at most"

    @property
    def where(self) -> str:
        """The machine and the text."""
        m = self.machine
        return (
            f"{m.processor}, {m.cores} cores for server and client together, {m.memory_gib:.0f} GiB, "
            f"Python {m.python}, {self.chunks:,} chunks made of {self.text}"
        )

    def _loads(self) -> tuple[tuple[str, ServedLoad], ...]:
        return (
            ("alone", self.alone),
            ("half", self.half),
            ("busiest", self.busiest),
            ("bare", self.bare),
        )


def http_lines(figures: HttpBenchFigures) -> Group:
    """The figures for a person at a terminal."""
    table = Table()
    for number, name in enumerate(_COLUMNS):
        table.add_column(name, justify="right" if number else "left")
    for row in figures.rows():
        table.add_row(*row)
    return Group(Text(figures.where), table, *map(Text, figures.remarks()))


def http_markdown(figures: HttpBenchFigures) -> str:
    """The figures as a Markdown table, under a line that says where, when and how they were measured."""
    head = f"`{COMMAND}`, {figures.measured_on.isoformat()}, {figures.where}:"
    lines = [head, "", f"| {' | '.join(_COLUMNS)} |", "|---" + "|---:" * (len(_COLUMNS) - 1) + "|"]
    lines += [f"| {' | '.join(row)} |" for row in figures.rows()]
    return "\n".join([*lines, "", *(f"- {remark}" for remark in figures.remarks())])
