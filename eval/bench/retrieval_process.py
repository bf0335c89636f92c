"""The process that measures Troika's own retrieval: ``python -m eval.bench.retrieval_process``.

A process of its own, so that its memory is that of a reader. It prints one JSON document.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from eval.bench.query_times import QueryTimes, time_queries
from eval.bench.resident import resident
from eval.bench.retrieval_corpus import BenchCorpus, recall
from eval.bench.retrieval_run import TroikaRun
from ingest.embed import Embedder, EmbedderSpec, Matrix, TokenCounter, Vector, load_embedder
from ingest.embed import spec_from_settings as spec_of
from ingest.settings import Settings, load_settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from service.retrieval.retrieve import Retriever

K = 10
WARM_UP = 50
RECALL_QUESTIONS = 200


class GivenVectors:
    """An embedder that knows the questions' vectors already."""

    def __init__(self, embedder: Embedder, questions: Sequence[str], vectors: Matrix) -> None:
        self._embedder = embedder
        self._vectors = dict(zip(questions, vectors, strict=True))

    @property
    def spec(self) -> EmbedderSpec:
        return self._embedder.spec

    @property
    def tokens(self) -> TokenCounter:
        return self._embedder.tokens

    @property
    def special_tokens(self) -> int:
        return self._embedder.special_tokens

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        return self._embedder.embed_passages(texts)

    def embed_query(self, text: str) -> Vector:
        return self._vectors[text]


def measure_troika(collection: str, corpus: BenchCorpus, settings: Settings, queries: int) -> TroikaRun:
    """Open the collection and search it with its corpus's questions, ``queries`` times."""
    spec = spec_of(settings.embedder)
    embedder = load_embedder(spec, settings.embedder, Collection(settings.home, collection).models)
    questions = corpus.questions
    time_queries(lambda number: embedder.embed_query(questions[number % len(questions)]), WARM_UP)
    before, started = resident(), time.perf_counter()
    snapshot = open_snapshot(settings.home, collection, settings.store)
    retriever = Retriever(snapshot, embedder, settings.retrieval)
    open_seconds = time.perf_counter() - started
    opened = resident().since(before)
    whole = _time(retriever.retrieve, questions, queries)
    searched = resident().since(before)
    known = GivenVectors(embedder, questions, corpus.question_vectors)
    given = _time(Retriever(snapshot, known, settings.retrieval).retrieve, questions, queries)
    exact = corpus.exact_nearest(K, RECALL_QUESTIONS)
    found = [_rows(snapshot, vector) for vector in corpus.question_vectors[: len(exact)]]
    return TroikaRun(
        chunks=len(corpus),
        open_seconds=open_seconds,
        whole=whole,
        vector_given=given,
        stages=_stages(snapshot, embedder, corpus, retriever.depth, queries),
        opened=opened,
        searched=searched,
        recall_at_10=recall(found, exact),
    )


def _time(search: Callable[[str, int], object], questions: Sequence[str], queries: int) -> QueryTimes:
    def ask(number: int) -> object:
        return search(questions[number % len(questions)], K)

    time_queries(ask, WARM_UP)
    return time_queries(ask, queries)


def _rows(snapshot: Snapshot, vector: Vector) -> list[int]:
    return [number - 1 for number, _ in snapshot.vectors.search(vector, K)]


def _stages(
    snapshot: Snapshot, embedder: Embedder, corpus: BenchCorpus, depth: int, queries: int
) -> dict[str, QueryTimes]:
    questions, vectors = corpus.questions, corpus.question_vectors
    found = [[number for number, _ in snapshot.vectors.search(vector, K)] for vector in vectors]
    stages: dict[str, Callable[[int], object]] = {
        "embed": lambda row: embedder.embed_query(questions[row]),
        "dense": lambda row: snapshot.vectors.search(vectors[row], depth),
        "lexical": lambda row: snapshot.words.search(questions[row], depth),
        "read": lambda row: snapshot.documents.chunks_by_number(found[row]),
    }
    return {
        name: time_queries(lambda number, ask=ask: ask(number % len(questions)), queries)
        for name, ask in stages.items()
    }


def main(arguments: Sequence[str]) -> None:
    """Measure ``home collection corpus queries`` on one thread and print the run as JSON."""
    home, collection, corpus, queries = arguments
    settings = load_settings({"home": home, "embedder.threads": "1"})
    run = measure_troika(collection, BenchCorpus(Path(corpus)), settings, int(queries))
    sys.stdout.write(json.dumps(asdict(run)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
