"""How fast PDFs become searchable by their words, and how fast peers read them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from eval.bench.child_process import run_child
from eval.bench.goal_figures import Figure
from eval.bench.ingest_corpus import PDF_PAGES, Prose, write_pdfs
from eval.bench.ingest_parts import Part
from eval.bench.machine import this_machine
from eval.bench.peers.reader import Reader, ReaderRun
from eval.bench.time_spent import TimeSpent, time_spent
from ingest.errors import TroikaError
from ingest.pipeline import ingest
from ingest.progress import Publication, Silent
from ingest.request import IngestRequest
from ingest.settings import Settings

PAGES_PER_SECOND = 300.0
_PEER_PAGES = 200
"""Peers are slow: they read the first files alone."""

_READER_PROCESS = "eval.bench.peers.reader_process"
_PEERS = {
    Reader.PYPDF: ("pypdf", "text extracted"),
    Reader.UNSTRUCTURED: ("unstructured, fast, without its spaCy model", "parsed into elements"),
    Reader.LLAMA_INDEX: ("LlamaIndex, SimpleDirectoryReader and SentenceSplitter", "parsed and cut"),
}


class _Reply(msgspec.Struct, frozen=True):
    run: ReaderRun | None = None
    missing: str | None = None


class _SearchableError(Exception):
    """The first snapshot is published, and nobody waits for the vectors."""


class _Stopwatch(Silent):
    """Ends a run as soon as it has published."""

    def published(self, publication: Publication) -> None:
        """End the run."""
        raise _SearchableError(publication)


def measure_pages(
    folder: Path, settings: Settings, prose: Prose, pages: int, peers_python: Path
) -> Iterator[Figure]:
    """Pages per second of text PDFs of 20 pages, and what each costs the processors.

    Troika's time is that from the first look at the folder to the first snapshot, with as many processes as
    ``ingest.workers`` says; each peer reads in one. All have read the first file before, unmeasured.
    """
    paths = write_pdfs(folder, prose, pages)
    workers = settings.ingest.workers or this_machine().cores
    spent = _spent_until_searchable(folder, paths[0], _with_workers(settings, workers))
    what, who = f"{pages:,} pages of text PDFs", f"troika, {_processes(workers)} that parse"
    yield from _figures(f"{what}: parsed, cut and searchable by BM25", who, pages, spent, PAGES_PER_SECOND)
    few = paths[: max(1, _PEER_PAGES // PDF_PAGES)]
    read = min(pages, len(few) * PDF_PAGES)
    for reader, (name, did) in _PEERS.items():
        python = Path(sys.executable) if reader is Reader.PYPDF else peers_python
        what, who = f"{read:,} of these pages: {did}", f"{name}, {_processes(1)}"
        yield from _figures(what, who, read, peer_spent(reader, few, python))


def _figures(
    what: str, who: str, pages: int, spent: TimeSpent | str, goal: float | None = None
) -> Iterator[Figure]:
    """The speed of a reader, and the steadier figure that more processes don't make any better."""
    if isinstance(spent, str):
        yield Figure(Part.PAGES, what, who, "pages/s", None, note=spent)
        return
    yield Figure(Part.PAGES, what, who, "pages/s", pages / spent.seconds, goal=goal)
    cost = 1_000.0 * spent.processor_seconds / pages
    yield Figure(Part.PAGES, f"{what}, processor time a page", who, "ms", cost)


def _processes(count: int) -> str:
    return "one process" if count == 1 else f"{count} processes"


def _with_workers(settings: Settings, workers: int) -> Settings:
    return settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"workers": workers})})


def _spent_until_searchable(folder: Path, first: Path, settings: Settings) -> TimeSpent:
    _ingest_until_searchable(first, "warm-up", settings)
    started = time_spent()
    _ingest_until_searchable(folder, "pages", settings)
    return time_spent().since(started)


def _ingest_until_searchable(path: Path, collection: str, settings: Settings) -> None:
    with suppress(_SearchableError):
        ingest(IngestRequest(paths=(path,), lexical_first=True), collection, settings, _Stopwatch())


def peer_spent(reader: Reader, paths: Sequence[Path], python: Path) -> TimeSpent | str:
    """What a peer took in a process of its own, or why there is nothing to tell."""
    try:
        line = run_child(python, _READER_PROCESS, reader.value, *map(str, paths))
    except TroikaError as error:  # a peer that fails is no reason to measure nothing
        return str(error)
    reply = msgspec.json.decode(line, type=_Reply)
    if reply.run is None:
        return f"{reply.missing} is not installed: run `make bench-env`"
    return reply.run.spent if reply.run.characters else "it found no text"
