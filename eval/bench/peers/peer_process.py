"""The process that measures one peer: ``python -m eval.bench.peers.peer_process PEER FOLDER``.

It may run in an environment of its own that lacks Troika's libraries. Its last line is one JSON document.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.bench.peers.names import KINDS, Kind, Peer
from eval.bench.peers.peer import K, PeerRun, Search, Searches
from eval.bench.query_times import QueryTimes, time_queries
from eval.bench.resident import resident
from eval.bench.retrieval_corpus import BenchCorpus, Matrix, recall

QUERIES = 300
SECONDS = 20.0
_WARM_UP = 5
_RECALL_QUESTIONS = 200


def measure_peer(peer: Peer, corpus: BenchCorpus) -> list[PeerRun]:
    """Open a peer over the corpus and put its questions to each of its searches."""
    open_peer = _opener(peer)
    texts = [passage.searched for passage in corpus.passages()]
    before, started = resident(), time.perf_counter()
    searches = open_peer(texts, corpus.vectors)
    build_seconds = time.perf_counter() - started
    exact = corpus.exact_nearest(K, _RECALL_QUESTIONS) if KINDS[peer] is Kind.DENSE else None
    runs: list[PeerRun] = []
    for name, search in searches.items():
        times = _time(search, corpus)
        held = resident().since(before)
        found = None if exact is None else _recall(search, corpus, exact)
        runs.append(PeerRun(name, KINDS[peer], build_seconds, times, held, found))
    return runs


def _time(search: Search, corpus: BenchCorpus) -> QueryTimes:
    asked = list(zip(corpus.questions, corpus.question_vectors, strict=True))

    def ask(number: int) -> list[int]:
        return search(*asked[number % len(asked)])

    time_queries(ask, _WARM_UP, seconds=SECONDS)
    return time_queries(ask, QUERIES, seconds=SECONDS)


def _recall(search: Search, corpus: BenchCorpus, exact: NDArray[np.int64]) -> float:
    asked = zip(corpus.questions[: len(exact)], corpus.question_vectors, strict=False)
    return recall([search(question, vector) for question, vector in asked], exact)


def _opener(peer: Peer) -> Callable[[list[str], Matrix], Searches]:
    match peer:
        case Peer.RANK_BM25:
            from eval.bench.peers.rank_bm25_peer import open_peer
        case Peer.BM25S:
            from eval.bench.peers.bm25s_peer import open_peer
        case Peer.FAISS_EXACT:
            from eval.bench.peers.faiss_peer import open_flat as open_peer
        case Peer.FAISS_HNSW:
            from eval.bench.peers.faiss_peer import open_hnsw as open_peer
        case Peer.LLAMA_INDEX:
            from eval.bench.peers.llama_index_peer import open_peer
        case Peer.LANGCHAIN:
            from eval.bench.peers.langchain_peer import open_peer
        case Peer.TXTAI:
            from eval.bench.peers.txtai_peer import open_peer
    return open_peer


def main(arguments: Sequence[str]) -> None:
    """Measure the peer over the corpus and print its runs; a peer that is not installed prints why."""
    peer, folder = arguments
    try:
        runs = measure_peer(Peer(peer), BenchCorpus(Path(folder)))
    except ModuleNotFoundError as error:
        sys.stdout.write(json.dumps({"missing": error.name}) + "\n")
    else:
        sys.stdout.write(json.dumps({"runs": [asdict(run) for run in runs]}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
