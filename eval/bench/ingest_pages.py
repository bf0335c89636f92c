"""How fast PDFs become searchable by their words, and how fast peers read them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from eval.bench.ingest_corpus import PDF_PAGES, Prose, write_pdfs
from eval.bench.ingest_figures import Figure, Part
from ingest.pipeline import ingest
from ingest.progress import Silent
from ingest.request import IngestRequest
from ingest.settings import Settings

PAGES_PER_SECOND = 300.0
_PEER_PAGES = 200
"""Peers are slow: they read the first files alone."""


class _SearchableError(Exception):
    """The first snapshot is published, and nobody waits for the vectors."""


class _Stopwatch(Silent):
    """Ends a run as soon as it has published."""

    def published(self, snapshot: str, unembedded: int) -> None:
        """End the run."""
        raise _SearchableError(snapshot, unembedded)


def measure_pages(folder: Path, settings: Settings, prose: Prose, pages: int) -> Iterator[Figure]:
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
    peers: tuple[tuple[str, str, Callable[[Sequence[Path]], None]], ...] = (
        ("text extracted", "pypdf", _read_with_pypdf),
        ("parsed into elements", "unstructured, fast", _read_with_unstructured),
        ("parsed and cut", "LlamaIndex, SimpleDirectoryReader and SentenceSplitter", _read_with_llama_index),
    )
    for did, who, peer in peers:
        value, note = _timed(peer, few)
        yield Figure(
            Part.PAGES, f"{read:,} of these pages: {did}", who, "pages/s", value and read / value, note=note
        )


def _seconds_until_searchable(folder: Path, settings: Settings) -> float:
    started = time.perf_counter()
    with suppress(_SearchableError):
        ingest(IngestRequest(paths=(folder,), lexical_first=True), "pages", settings, _Stopwatch())
    return time.perf_counter() - started


def _timed(peer: Callable[[Sequence[Path]], None], paths: Sequence[Path]) -> tuple[float | None, str]:
    """Seconds of a peer after it read one file unmeasured; None with the reason where it cannot be run."""
    try:
        peer(paths[:1])
        started = time.perf_counter()
        peer(paths)
        return time.perf_counter() - started, ""
    except ImportError as error:
        return None, f"{error.name or error} is not installed"
    except Exception as error:  # a peer that fails is no reason to measure nothing
        return None, f"it failed: {type(error).__name__}"


def _read_with_pypdf(paths: Sequence[Path]) -> None:
    from pypdf import PdfReader

    for path in paths:
        for page in PdfReader(path).pages:
            page.extract_text()


def _read_with_unstructured(paths: Sequence[Path]) -> None:
    partition: Any = import_module("unstructured.partition.pdf").partition_pdf
    for path in paths:
        partition(filename=str(path), strategy="fast")


def _read_with_llama_index(paths: Sequence[Path]) -> None:
    core: Any = import_module("llama_index.core")
    splitter: Any = import_module("llama_index.core.node_parser").SentenceSplitter()
    import_module("llama_index.readers.file")
    splitter.get_nodes_from_documents(
        core.SimpleDirectoryReader(input_files=list(map(str, paths))).load_data()
    )
