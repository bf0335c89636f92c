"""Put every query of a data set to the pipeline and rank its documents by their best chunk."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from eval.measures.measure import Measure, mean_measure
from eval.metrics.retrieval import ranking_values
from eval.progress import nothing
from eval.retrieval.datasets import Query, corpus_id
from ingest.document import Hit
from ingest.errors import NoTermsError, QuestionTooLongError
from service.question import Inquiry
from service.retrieval.retrieve_mode import SearchMode


@dataclass(frozen=True, slots=True)
class RetrievalRun:
    """For each query, its documents, best first, and how long the search took in milliseconds.

    ``unsearchable`` counts the queries that the pipeline refused, whose ranking is therefore empty.
    """

    queries: tuple[Query, ...]
    rankings: tuple[tuple[str, ...], ...]
    latencies_ms: npt.NDArray[np.float64]
    unsearchable: int


class Found(Protocol):
    """What a search gives back."""

    @property
    def hits(self) -> Sequence[Hit]: ...


class ConversationSearcher(Protocol):
    """The part of the pipeline that finds passages, given the turns before the query, oldest first."""

    def search(self, inquiry: Inquiry, k: int, mode: SearchMode) -> Awaitable[Found]: ...


async def run_queries(
    pipeline: ConversationSearcher,
    queries: Sequence[Query],
    mode: SearchMode,
    passages: int,
    *,
    with_history: bool = False,
    progress: Callable[[], None] = nothing,
) -> RetrievalRun:
    """Search for every query, one after the other so that the times are those of an idle system.

    Args:
        passages: how many chunks each search asks for.
        with_history: whether the search is told of the turns before a query.
    """
    rankings: list[tuple[str, ...]] = []
    latencies = np.empty(len(queries))
    unsearchable = 0
    for row, query in enumerate((queries[0], *queries)):
        started = time.perf_counter()
        try:
            inquiry = Inquiry(query.text, history=query.history if with_history else ())
            hits = (await pipeline.search(inquiry, passages, mode)).hits
        except (NoTermsError, QuestionTooLongError):
            hits, refused = (), True
        else:
            refused = False
        if row == 0:
            continue  # The first search loads what the others find warm: it is not counted.
        latencies[row - 1] = (time.perf_counter() - started) * 1000.0
        rankings.append(rank_documents(hits))
        unsearchable += refused
        progress()
    return RetrievalRun(tuple(queries), tuple(rankings), latencies, unsearchable)


def rank_documents(hits: Iterable[Hit]) -> tuple[str, ...]:
    """The corpus ids of the hits' documents, each at the rank of its best chunk."""
    return tuple(dict.fromkeys(corpus_id(hit.chunk.uri) for hit in hits))


def retrieval_measures(run: RetrievalRun) -> tuple[Measure, ...]:
    """The mean of each ``RankingMetric`` over the queries of a run."""
    values = ranking_values(run.rankings, [query.grades for query in run.queries])
    return tuple(mean_measure(metric.value, found) for metric, found in values.items())


def query_clusters(queries: Sequence[Query]) -> npt.NDArray[np.int64]:
    """A number for each query, the same for those about the same document: they do well or badly together.

    A query is about its document of the highest grade, the first of them by id.
    """
    about = [min(query.grades.items(), key=lambda item: (-item[1], item[0]))[0] for query in queries]
    return np.unique(np.array(about, dtype=str), return_inverse=True)[1].astype(np.int64)
