"""The figures of ``troika bench retrieval`` for a person: a table, Markdown, and plots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from eval.bench.peers.names import Kind
from eval.bench.query_times import QueryTimes
from eval.bench.retrieval_figures import RetrievalBenchFigures, SizeFigures
from eval.plot import Axis, Line, Plot, write_plot

COMMAND = "troika bench retrieval"
_COLUMNS = (
    "who",
    "p50, ms",
    "p99, ms",
    "processor, ms",
    "a second",
    "bytes a chunk",
    "recall@10",
    "times as slow",
)
_NOTE = (
    "One thread, one query after the other. No peer embeds: each is given the question's vector, so hybrid "
    "peers stand beside “vector given”, FAISS beside “dense”, BM25 libraries beside “BM25”. Memory is over "
    "the texts; of Troika, own pages and mapped ones of its index files together. Ratios are of "
    "processor time."
)


def retrieval_lines(figures: RetrievalBenchFigures) -> Group:
    """The figures for a person at a terminal."""
    parts: list[Text | Table] = [Text(_where(figures))]
    for size in figures.sizes:
        table = Table(title=f"{size.troika.chunks:,} chunks")
        for number, name in enumerate(_COLUMNS):
            table.add_column(name, justify="right" if number else "left")
        for row in _rows(size):
            table.add_row(*row)
        parts += [table, *map(Text, _remarks(size))]
    return Group(*parts)


def retrieval_markdown(figures: RetrievalBenchFigures) -> str:
    """The figures as Markdown tables, under a line that says where, when and how they were measured."""
    lines = [f"`{COMMAND}`, {figures.measured_on.isoformat()}, {_where(figures)}. {_NOTE}"]
    for size in figures.sizes:
        header = (f"{size.troika.chunks:,} chunks", *_COLUMNS[1:])
        lines += ["", f"| {' | '.join(header)} |", "|---" + "|---:" * (len(_COLUMNS) - 1) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in _rows(size)]
        lines += ["", *(f"- {remark}" for remark in _remarks(size))]
    return "\n".join(lines)


def write_plots(figures: RetrievalBenchFigures, folder: Path) -> list[Path]:
    """Latency against size, and recall against latency at the largest size, as SVG files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        write_plot(folder / "retrieval-latency.svg", _latency_plot(figures)),
        write_plot(folder / "retrieval-recall.svg", _recall_plot(figures.sizes[-1])),
    ]


def _latency_plot(figures: RetrievalBenchFigures) -> Plot:
    lines: dict[str, list[tuple[float, float]]] = {}
    for size in figures.sizes:
        troika = size.troika
        named = [
            ("Troika, vector given, p50", troika.vector_given.p50_ms),
            ("Troika with its embedder, p50", troika.whole.p50_ms),
            ("Troika with its embedder, p99", troika.whole.p99_ms),
        ]
        named += [(f"{p.name}, p50", p.times.p50_ms) for p in size.peers if p.kind is Kind.HYBRID]
        for name, value in named:
            lines.setdefault(name, []).append((float(troika.chunks), value))
    return Plot(
        "Question to ten passages, one thread",
        Axis("chunks", logarithmic=True),
        Axis("milliseconds", logarithmic=True),
        tuple(Line(name, tuple(points)) for name, points in lines.items()),
    )


def _recall_plot(size: SizeFigures) -> Plot:
    troika = (size.compared(Kind.DENSE).p50_ms, size.troika.recall_at_10)
    lines = {"Troika, dense": [troika]}
    for peer in size.peers:
        if peer.recall_at_10 is not None:
            lines.setdefault(peer.name.partition(",")[0], []).append((peer.times.p50_ms, peer.recall_at_10))
    return Plot(
        f"Vectors alone, {size.troika.chunks:,} chunks, one thread",
        Axis("milliseconds, p50", logarithmic=True),
        Axis("recall@10 against exact search"),
        tuple(Line(name, tuple(points)) for name, points in lines.items()),
    )


def _rows(size: SizeFigures) -> Iterator[tuple[str, ...]]:
    troika, held = size.troika, sum(size.bytes_per_chunk)
    stages = {"embed": "embedding", "dense": "dense", "lexical": "BM25", "read": "reading the passages"}
    yield "Troika, question to passages", *_times(troika.whole), f"{held:,.0f}", "", ""
    yield "Troika, vector given", *_times(troika.vector_given), "", "", "1"
    for stage, name in stages.items():
        found = f"{troika.recall_at_10:.3f}" if stage == "dense" else ""
        compared = "1" if stage in ("dense", "lexical") else ""
        yield f"Troika, {name} alone", *_times(troika.stages[stage]), "", found, compared
    for peer in size.peers:
        found = "" if peer.recall_at_10 is None else f"{peer.recall_at_10:.3f}"
        memory = f"{peer.resident.own / troika.chunks:,.0f}"
        yield peer.name, *_times(peer.times), memory, found, f"{size.times_as_slow(peer):.3g}"


def _times(times: QueryTimes) -> tuple[str, str, str, str]:
    return (
        f"{times.p50_ms:.2f}",
        f"{times.p99_ms:.2f}",
        f"{times.cpu_ms:.2f}",
        f"{times.per_second:,.0f}",
    )


def _remarks(size: SizeFigures) -> Iterator[str]:
    for reached, goal, met in size.verdicts():
        yield f"{reached} (goal {goal}: {'met' if met else 'missed'})"
    for name, reason in size.absent.items():
        yield f"{name} was not measured: {reason}"


def _where(figures: RetrievalBenchFigures) -> str:
    machine = figures.machine
    return (
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gib:.0f} GiB, Python {machine.python}, "
        f"text of {figures.text}"
    )
