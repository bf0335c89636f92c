"""``troika bench ingest``: the speed and the memory of an ingest, with peers in the same run."""

from __future__ import annotations

import tempfile
from collections.abc import Collection as Several
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from eval.bench.child_process import python_of_peers
from eval.bench.goal_figures import Figure, GoalFigures
from eval.bench.ingest_changes import measure_change, measure_unchanged
from eval.bench.ingest_corpus import Prose, english_words, write_pdfs
from eval.bench.ingest_embedding import measure_embedding
from eval.bench.ingest_pages import measure_pages
from eval.bench.ingest_parts import Part
from eval.bench.ingest_process import run_ingest_process
from eval.bench.machine import this_machine
from ingest.embed import load_embedder, spec_from_settings
from ingest.settings import Settings, load_settings
from ingest.snapshots.collection import Collection

PEAK_MB = 1_500.0
_SEED = 20_261_121


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured; the defaults take about a quarter of an hour on two cores."""

    pages: int = 1_000
    embedded_chunks: int = 256
    chunks: int = 100_000
    files: int = 10_000
    memory_pages: int = 2_000


def run_ingest_bench(
    sizes: Sizes, only: Several[Part] = tuple(Part), peers_python: Path | None = None
) -> GoalFigures:
    """Measure the parts that are asked for, each in its own collection of a fresh home.

    ``peers_python`` is the interpreter that has the peers; see ``python_of_peers``.
    """
    python = python_of_peers(peers_python)
    with tempfile.TemporaryDirectory(prefix="troika-bench-") as folder:
        settings = load_settings({"home": str(Path(folder) / "home")})
        # Exported once for all collections of a home, and no part of any figure.
        spec = spec_from_settings(settings.embedder)
        load_embedder(spec, settings.embedder, Collection(settings.home, "any").models)
        prose = Prose(english_words(spec), _SEED)
        figures = [
            figure
            for part in Part
            if part in only
            for figure in _measure(part, Path(folder) / part, settings, prose, sizes, python)
        ]
    return GoalFigures("troika bench ingest", date.today(), this_machine(), tuple(figures))


def _measure(
    part: Part, folder: Path, settings: Settings, prose: Prose, sizes: Sizes, peers_python: Path
) -> Iterator[Figure]:
    match part:
        case Part.PAGES:
            return measure_pages(folder, settings, prose, sizes.pages, peers_python)
        case Part.EMBEDDING:
            return measure_embedding(settings, prose, sizes.embedded_chunks)
        case Part.CHANGE:
            return measure_change(folder, settings, prose, sizes.chunks)
        case Part.UNCHANGED:
            return measure_unchanged(folder, settings, prose, sizes.files)
        case Part.MEMORY:
            return _measure_memory(folder, settings, prose, sizes.memory_pages)


def _measure_memory(folder: Path, settings: Settings, prose: Prose, pages: int) -> Iterator[Figure]:
    """The most memory of an ingest of PDFs by the command line."""
    write_pdfs(folder, prose, pages)
    run = run_ingest_process(settings.home, "memory", folder, "--lexical-first")
    what = f"peak memory, {pages:,} pages of text PDFs, {run.chunks:,} chunks"
    spans = (("until searchable by BM25", run.peak_until_searchable), ("with vectors", run.peak))
    for when, peak in spans:
        yield Figure(Part.MEMORY, f"{what}: {when}", "troika, the process alone", "MB", peak.alone_mb)
        yield Figure(
            Part.MEMORY,
            f"{what}: {when}",
            "troika, with its parsers",
            "MB",
            peak.together_mb,
            goal=PEAK_MB,
            at_least=False,
        )
