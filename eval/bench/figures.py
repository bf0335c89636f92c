"""The figures of ``troika bench demo``, as a value, as JSON, as a table and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date

from rich.console import Group
from rich.table import Table
from rich.text import Text

from eval.bench.machine import Machine
from eval.bench.server_process import Memory

COMMAND = "troika bench demo"


@dataclass(frozen=True, slots=True)
class IngestFigures:
    """A first ingest of the handbook, with the models already exported. ``prepared_seconds`` is that export.

    A page is a page of a paginated file, and 3,000 Latin or 1,200 CJK characters of any other.
    """

    documents: int
    pages: int
    chunks: int
    seconds: float
    prepared_seconds: float

    @property
    def pages_per_second(self) -> float:
        return self.pages / self.seconds

    @property
    def chunks_per_second(self) -> float:
        return self.chunks / self.seconds


@dataclass(frozen=True, slots=True)
class RetrievalFigures:
    """Times of warm searches in the process, milliseconds."""

    queries: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Share:
    """``part`` of ``whole``."""

    part: int
    whole: int

    def __str__(self) -> str:
        percent = f" ({100 * self.part / self.whole:.0f} %)" if self.whole else ""
        return f"{self.part} of {self.whole}{percent}"


@dataclass(frozen=True, slots=True)
class GenerationFigures:
    """Median times of the answers that a generator was asked for, milliseconds.

    ``own_words`` are those that were left as the generator wrote them.
    """

    answers: int
    own_words: Share
    generator: str
    first_token_p50_ms: float
    total_p50_ms: float


@dataclass(frozen=True, slots=True)
class DemoFigures:
    """All that ``troika bench demo`` measures; ``generation`` is None when no generator was asked."""

    measured_on: date
    machine: Machine
    ingest: IngestFigures
    retrieval: RetrievalFigures
    generation: GenerationFigures | None
    server: Memory
    document_in_top_5: Mapping[str, Share]
    refused_unanswerable: Share
    refused_answerable: Share
    citations_exact: Share
    citations_right: Share

    def to_json(self) -> dict[str, object]:
        """The figures in the form that ``troika bench demo --json`` prints."""
        document: dict[str, object] = asdict(self)
        document["measured_on"] = self.measured_on.isoformat()
        document["ingest"] = asdict(self.ingest) | {
            "pages_per_second": self.ingest.pages_per_second,
            "chunks_per_second": self.ingest.chunks_per_second,
        }
        return document


def demo_rows(figures: DemoFigures) -> Iterator[tuple[str, str]]:
    """Each figure with its name, as a person reads it."""
    ingest, retrieval, generation = figures.ingest, figures.retrieval, figures.generation
    yield "ingest, pages/s", f"{ingest.pages_per_second:.1f} ({ingest.pages} pages)"
    yield "ingest, chunks/s", f"{ingest.chunks_per_second:.0f} ({ingest.chunks} chunks)"
    yield f"retrieval p50, {retrieval.queries} queries", f"{retrieval.p50_ms:.1f} ms"
    yield f"retrieval p99, {retrieval.queries} queries", f"{retrieval.p99_ms:.1f} ms"
    if generation is not None:
        yield f"first token p50, {generation.answers} answers", f"{generation.first_token_p50_ms:.0f} ms"
        yield f"whole answer p50, {generation.answers} answers", f"{generation.total_p50_ms:.0f} ms"
        yield "answers in the generator's own words", str(generation.own_words)
    yield "server, resident memory", f"{figures.server.resident_mb:.0f} MB"
    yield "server, peak memory", f"{figures.server.peak_mb:.0f} MB"
    for language, share in figures.document_in_top_5.items():
        yield f"expected document in the top 5, {language}", str(share)
    yield "unanswerable questions refused", str(figures.refused_unanswerable)
    yield "answerable questions refused", str(figures.refused_answerable)
    yield "citations equal to their source", str(figures.citations_exact)
    yield "citations that lead to the gold evidence", str(figures.citations_right)


def demo_lines(figures: DemoFigures) -> Group:
    """The figures for a person at a terminal."""
    table = Table()
    table.add_column("measure")
    table.add_column("here", justify="right")
    for name, value in demo_rows(figures):
        table.add_row(name, value)
    return Group(Text(_where(figures)), table)


def demo_markdown(figures: DemoFigures) -> str:
    """The figures as a Markdown table, under a line that says where, when and how they were measured."""
    rows = [f"| {name} | {value} |" for name, value in demo_rows(figures)]
    where = f"`{COMMAND}`, {figures.measured_on.isoformat()}, {_where(figures)}:"
    return "\n".join((where, "", "| measure | value |", "|---|---|", *rows))


def _where(figures: DemoFigures) -> str:
    machine = figures.machine
    return (
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gib:.0f} GiB, Python {machine.python}"
    )
