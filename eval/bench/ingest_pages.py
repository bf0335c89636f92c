"""How fast PDFs become searchable by their words, and how fast peers read them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from eval.bench.child_process import run_child
from eval.bench.goal_figures import Figure
from eval.bench.ingest_corpus import PDF_PAGES, Prose, write_pdfs
from eval.bench.ingest_parts import Part
from eval.bench.peers.reader import Reader, ReaderRun
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
    """Pages per second of text PDFs of 20 pages, from the first look at the folder to the first snapshot."""
    paths = write_pdfs(folder, prose, pages)
    seconds = _seconds_until_searchable(folder, settings)
    what = f"{pages:,} pages of text PDFs"
    yield Figure(
        Part.PAGES,
        f"{what}: parsed, cut and searchable by BM25",
        "troika",
        "pages/s",
        pages / seconds,
        goal=PAGES_PER_SECOND,
    )
    few = paths[: max(1, _PEER_PAGES // PDF_PAGES)]
    read = min(pages, len(few) * PDF_PAGES)
    for reader, (who, did) in _PEERS.items():
        python = Path(sys.executable) if reader is Reader.PYPDF else peers_python
        speed, note = peer_speed(reader, few, read, python)
        yield Figure(Part.PAGES, f"{read:,} of these pages: {did}", who, "pages/s", speed, note=note)


def _seconds_until_searchable(folder: Path, settings: Settings) -> float:
    started = time.perf_counter()
    with suppress(_SearchableError):
        ingest(IngestRequest(paths=(folder,), lexical_first=True), "pages", settings, _Stopwatch())
    return time.perf_counter() - started


def peer_speed(reader: Reader, paths: Sequence[Path], pages: int, python: Path) -> tuple[float | None, str]:
    """Pages per second of a peer in a process of its own; None with the reason where there is none."""
    try:
        line = run_child(python, _READER_PROCESS, reader.value, *map(str, paths))
    except TroikaError as error:  # a peer that fails is no reason to measure nothing
        return None, str(error)
    reply = msgspec.json.decode(line, type=_Reply)
    if reply.run is None:
        return None, f"{reply.missing} is not installed: run `make bench-env`"
    if not reply.run.characters:
        return None, "it found no text"
    return pages / reply.run.seconds, ""
