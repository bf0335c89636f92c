"""``troika bench retrieval``: from a question to its ten best passages, beside other libraries."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from eval.bench.child_process import python_of_peers, run_child
from eval.bench.machine import this_machine
from eval.bench.peer_forecast import PeerForecast
from eval.bench.peers.names import Peer
from eval.bench.peers.peer import PeerRun
from eval.bench.retrieval_collection import ensure_collection
from eval.bench.retrieval_corpus import BenchCorpus
from eval.bench.retrieval_figures import RetrievalBenchFigures, SizeFigures
from eval.bench.retrieval_run import TroikaRun
from eval.bench.retrieval_source import ensure_corpus
from ingest.errors import TroikaError
from ingest.settings import Settings

QUERIES = 1_000
_MEASURE_TROIKA = "eval.bench.retrieval_process"
_MEASURE_PEER = "eval.bench.peers.peer_process"


class _PeerReply(msgspec.Struct, frozen=True):
    runs: tuple[PeerRun, ...] = ()
    missing: str | None = None


def run_retrieval_bench(
    sizes: Sequence[int],
    datasets: Sequence[Path],
    peers: Sequence[Peer],
    peers_python: Path | None,
    settings: Settings,
    *,
    queries: int = QUERIES,
) -> RetrievalBenchFigures:
    """Measure Troika and ``peers`` over corpora of these sizes, each in a process of its own.

    A peer that a size would take too long or too much memory is left out there, see ``PeerForecast``.

    Args:
        datasets: folders in the BEIR layout whose text is used; the sample handbook where there is none.
        peers_python: the interpreter that has the peers; see ``python_of_peers``.
    """
    machine = this_machine()
    beside = _Peers(peers, python_of_peers(peers_python), machine.memory_gib * 2**30)
    measured: list[SizeFigures] = []
    for chunks in sorted(sizes):
        corpus = ensure_corpus(datasets, chunks, settings)
        troika = _measure_troika(corpus, settings, queries)
        measured.append(beside.measure(troika, corpus))
    text = ", ".join(folder.name for folder in datasets) or "the sample handbook"
    return RetrievalBenchFigures(date.today(), machine, text, tuple(measured))


def _measure_troika(corpus: BenchCorpus, settings: Settings, queries: int) -> TroikaRun:
    collection = ensure_collection(corpus, settings)
    arguments = (str(settings.home), collection, str(corpus.folder), str(queries))
    return msgspec.json.decode(run_child(Path(sys.executable), _MEASURE_TROIKA, *arguments), type=TroikaRun)


class _Peers:
    """The peers, measured over one corpus after the other, smallest first."""

    def __init__(self, peers: Sequence[Peer], python: Path, memory_bytes: float) -> None:
        self._peers = peers
        self._python = python
        self._memory_bytes = memory_bytes
        self._forecasts: dict[Peer, PeerForecast] = {}

    def measure(self, troika: TroikaRun, corpus: BenchCorpus) -> SizeFigures:
        runs: list[PeerRun] = []
        absent: dict[str, str] = {}
        for peer in self._peers:
            try:
                found = self._run(peer, corpus)
            except TroikaError as error:
                absent[peer.value] = str(error)
                continue
            runs += found
            self._forecasts[peer] = PeerForecast(found, len(corpus))
        return SizeFigures(troika, tuple(runs), absent)

    def _run(self, peer: Peer, corpus: BenchCorpus) -> tuple[PeerRun, ...]:
        forecast = self._forecasts.get(peer)
        reason = forecast.why_left_out(len(corpus), self._memory_bytes) if forecast else None
        if reason is not None:
            raise TroikaError(reason)
        line = run_child(self._python, _MEASURE_PEER, peer.value, str(corpus.folder))
        reply = msgspec.json.decode(line, type=_PeerReply)
        if reply.missing is not None:
            raise TroikaError(f"{reply.missing} is not installed: run `make bench-env`")
        return reply.runs
