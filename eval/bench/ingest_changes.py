"""What a small change costs a large collection, and what no change costs many files."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from eval.bench.goal_figures import Figure
from eval.bench.ingest_collection import build_collection
from eval.bench.ingest_corpus import Prose, make_old, write_files
from eval.bench.ingest_parts import Part
from eval.bench.ingest_process import run_ingest_process
from ingest.settings import Settings

CHANGE_SECONDS = 2.0
UNCHANGED_SECONDS = 5.0
_PARAGRAPHS = 20
_PARAGRAPH_WORDS = 85
_SMALL_FILE_WORDS = 60
_RUNS = 3


def measure_change(folder: Path, settings: Settings, prose: Prose, chunks: int) -> Iterator[Figure]:
    """Rewrite one of the files of a collection of about ``chunks`` chunks, and ingest their folder."""
    documents = max(1, chunks // _PARAGRAPHS)
    paths = write_files(folder, prose, documents, _PARAGRAPHS, _PARAGRAPH_WORDS)
    total = build_collection("large", paths, settings)
    # Every file is read once more, since what made the collection remembers no times of change.
    run_ingest_process(settings.home, "large", folder)
    wall: list[float] = []
    inside: list[float] = []
    for number in range(_RUNS):
        path = paths[(number + 1) * len(paths) // (_RUNS + 1)]
        path.write_text(prose.document(_PARAGRAPHS, _PARAGRAPH_WORDS), "utf-8")
        make_old(path)
        run = run_ingest_process(settings.home, "large", folder)
        wall.append(run.seconds)
        inside.append(run.inside_seconds)
    where = f"one of {len(paths):,} files changed, {total:,} chunks"
    median = f"median of {_RUNS}"
    yield Figure(
        Part.CHANGE,
        f"{where}: the whole command",
        "troika",
        "s",
        statistics.median(wall),
        goal=CHANGE_SECONDS,
        at_least=False,
        note=median,
    )
    yield Figure(
        Part.CHANGE, f"{where}: without start-up", "troika", "s", statistics.median(inside), note=median
    )


def measure_unchanged(folder: Path, settings: Settings, prose: Prose, files: int) -> Iterator[Figure]:
    """Ingest a folder of small files again, of which none changed."""
    paths = write_files(folder, prose, files, 1, _SMALL_FILE_WORDS)
    build_collection("small-files", paths, settings)
    first = run_ingest_process(settings.home, "small-files", folder)
    again = run_ingest_process(settings.home, "small-files", folder)
    where = f"{files:,} unchanged small files"
    yield Figure(
        Part.UNCHANGED,
        f"{where}: the whole command",
        "troika",
        "s",
        again.seconds,
        goal=UNCHANGED_SECONDS,
        at_least=False,
    )
    yield Figure(Part.UNCHANGED, f"{where}: without start-up", "troika", "s", again.inside_seconds)
    yield Figure(Part.UNCHANGED, f"{where}: the whole command, all read again", "troika", "s", first.seconds)
