"""``troika bench retrieval``: from a question to its ten best passages, beside other libraries."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from eval.bench.child_process import python_of_peers, run_child
from eval.bench.machine import this_machine
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

    Args:
        datasets: folders in the BEIR layout whose text is used; the sample handbook where there is none.
        peers_python: the interpreter that has the peers; see ``python_of_peers``.
    """
    python = python_of_peers(peers_python)
    measured: list[SizeFigures] = []
    for chunks in sorted(sizes):
        corpus = ensure_corpus(datasets, chunks, settings)
        troika = _measure_troika(corpus, settings, queries)
        measured.append(_beside_peers(troika, corpus, peers, python))
    text = ", ".join(folder.name for folder in datasets) or "the sample handbook"
    return RetrievalBenchFigures(date.today(), this_machine(), text, tuple(measured))


def _measure_troika(corpus: BenchCorpus, settings: Settings, queries: int) -> TroikaRun:
    collection = ensure_collection(corpus, settings)
    arguments = (str(settings.home), collection, str(corpus.folder), str(queries))
    return msgspec.json.decode(run_child(Path(sys.executable), _MEASURE_TROIKA, *arguments), type=TroikaRun)


def _beside_peers(troika: TroikaRun, corpus: BenchCorpus, peers: Sequence[Peer], python: Path) -> SizeFigures:
    runs: list[PeerRun] = []
    absent: dict[str, str] = {}
    for peer in peers:
        try:
            line = run_child(python, _MEASURE_PEER, peer.value, str(corpus.folder))
        except TroikaError as error:
            absent[peer.value] = str(error)
            continue
        reply = msgspec.json.decode(line, type=_PeerReply)
        runs += reply.runs
        if reply.missing is not None:
            absent[peer.value] = f"{reply.missing} is not installed: run `make bench-env`"
    return SizeFigures(troika, tuple(runs), absent)
