"""``troika bench http``: searches through a real server, asked by a client in a process of its own."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from eval.bench.child_process import run_child
from eval.bench.http_figures import HttpBenchFigures
from eval.bench.http_run import Load, LoadRun, ServedLoad
from eval.bench.machine import this_machine
from eval.bench.retrieval_collection import ensure_collection
from eval.bench.retrieval_source import ensure_corpus
from eval.bench.server_process import read_memory, read_processor_seconds, running_server
from ingest.errors import TroikaError
from ingest.settings import Settings

CONNECTIONS = (2, 4, 8, 16)
_CLIENT = "eval.bench.http_client"
# Only searches are measured, so no model that writes answers is loaded.
_ONLY_SEARCH = {"TROIKA_GENERATOR__KIND": "extractive", "OMP_WAIT_POLICY": "passive"}


def run_http_bench(
    chunks: int, datasets: Sequence[Path], seconds: float, settings: Settings
) -> HttpBenchFigures:
    """Serve a collection of ``chunks`` passages, and put each load on it for ``seconds``.

    The most it serves a second is found first, by more and more connections that are kept busy; then half of
    that is sent on a schedule.

    Raises:
        TroikaError: the server did not start, or refused a request.
    """
    corpus = ensure_corpus(datasets, chunks, settings)
    collection = ensure_collection(corpus, settings)
    empty_start_seconds = _start_without_a_model()
    with running_server(settings.home, collection, _ONLY_SEARCH) as server:
        asked = _Asked(server.process.pid, server.address, corpus.folder)
        asked.put(Load.CLOSED, 1, seconds / 5)  # warms up
        alone = asked.put(Load.CLOSED, 1, seconds)
        served = [asked.put(Load.CLOSED, connections, seconds) for connections in CONNECTIONS]
        busiest = max(served, key=lambda load: load.run.per_second)
        half = asked.put(Load.OPEN, busiest.run.per_second / 2, seconds)
        bare = asked.put(Load.BARE, 1, seconds / 5)
        memory = read_memory(server.process.pid)
    text = ", ".join(folder.name for folder in datasets) or "the sample handbook"
    return HttpBenchFigures(
        date.today(),
        this_machine(),
        text,
        chunks,
        alone,
        half,
        busiest,
        bare,
        memory,
        server.start_seconds,
        empty_start_seconds,
    )


def _start_without_a_model() -> float:
    """The seconds until a server answers that has no collection, and so no embedder to load."""
    with (
        tempfile.TemporaryDirectory() as home,
        running_server(Path(home), "none", _ONLY_SEARCH, ready_by="/healthz") as server,
    ):
        return server.start_seconds


@dataclass(frozen=True, slots=True)
class _Asked:
    """A server that questions of the corpus in ``folder`` are put to."""

    process_id: int
    address: str
    folder: Path

    def put(self, load: Load, value: float, seconds: float) -> ServedLoad:
        before = read_processor_seconds(self.process_id)
        arguments = (self.address, str(self.folder), load.value, str(value), str(seconds))
        run = msgspec.json.decode(run_child(Path(sys.executable), _CLIENT, *arguments), type=LoadRun)
        if run.failed:
            raise TroikaError(
                f"the server refused {run.failed} of {run.times.queries} requests: see its log."
            )
        spent = read_processor_seconds(self.process_id) - before
        return ServedLoad(run, spent * 1e3 / run.times.queries)
