"""What a trained model is worth: how documents are ranked for the held-out questions by it and as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eval.decision.compare import ratio_rows
from eval.decision.comparison import Row
from eval.measures.measure import Measure, mean_measure
from eval.measures.slices import by_label
from eval.metrics.retrieval import RankingMetric, ranking_values
from eval.retrieval.datasets import Query
from eval.retrieval.run import query_clusters
from eval.runs.places import names_document
from ingest.document import Hit
from ingest.errors import NoTermsError, RerankerError
from service.answer import Reranking
from service.retrieval.rerank import Reranker, RerankPolicy, rerank
from service.retrieval.retrieve import Retriever
from service.retrieval.retrieve_mode import SearchMode

METRICS = (RankingMetric.NDCG_10, RankingMetric.RECALL_100)
_MODES = (SearchMode.HYBRID, SearchMode.DENSE)


def retrieval_measures(retriever: Retriever, queries: Sequence[Query]) -> list[Measure]:
    """nDCG@10 and Recall@100, by hybrid search and by vectors alone.

    Documents stand at the rank of their best passage, of as many passages as are taken when Troika serves.
    """
    found: list[Measure] = []
    for mode in _MODES:
        hits = [_hits(retriever, query, retriever.depth, mode) for query in queries]
        found += _measures(hits, queries, METRICS, prefix=f"{mode.value} ")
    return found


def best_hits(retriever: Retriever, queries: Sequence[Query], policy: RerankPolicy) -> list[list[Hit]]:
    """What hybrid search finds for each question, of which a reranker orders the first ``policy.depth``."""
    depth = max(retriever.depth, policy.depth)
    return [_hits(retriever, query, depth, SearchMode.HYBRID) for query in queries]


def reranking_measures(
    found: Sequence[Sequence[Hit]], queries: Sequence[Query], reranker: Reranker | None, policy: RerankPolicy
) -> list[Measure]:
    """nDCG@10 of the hits of each question as the reranker serves them; None leaves them in their order.

    Raises:
        RerankerError: it failed on a question.
    """
    moved = [
        hits if reranker is None else _reranked(query, hits, reranker, policy)
        for query, hits in zip(queries, found, strict=True)
    ]
    return _measures(moved, queries, (RankingMetric.NDCG_10,))


def compared(first: Sequence[Measure], second: Sequence[Measure], queries: Sequence[Query]) -> list[Row]:
    """The measures of two systems on the same questions, over all and over those of each language.

    Questions about one document do well or badly together, and are drawn together. Languages are told apart
    where there are several.
    """
    clusters, pairs = query_clusters(queries), list(zip(first, second, strict=True))
    languages = by_label([(f"language:{query.language}",) for query in queries])
    parts = languages.items() if len(languages) > 1 else ()
    return [
        *ratio_rows(pairs, clusters, None),
        *(row for name, chosen in parts for row in ratio_rows(pairs, clusters, (name, chosen))),
    ]


def _hits(retriever: Retriever, query: Query, count: int, mode: SearchMode) -> list[Hit]:
    try:
        return retriever.retrieve(query.text, count, mode)
    except NoTermsError:
        return []


def _reranked(query: Query, hits: Sequence[Hit], reranker: Reranker, policy: RerankPolicy) -> list[Hit]:
    """The hits as they are served, but a failure is none of the reranker's worth and ends the measuring."""
    moved, outcome = rerank(query.text, hits, reranker, policy)
    if outcome is Reranking.FAILED:
        raise RerankerError(
            f"the reranker failed on the question {query.id!r}, so that its order cannot be measured: mend "
            "what the log says of it, and run the same command again."
        )
    return moved


def _measures(
    hits: Sequence[Sequence[Hit]],
    queries: Sequence[Query],
    metrics: Sequence[RankingMetric],
    prefix: str = "",
) -> list[Measure]:
    rankings = [_documents(found, query) for found, query in zip(hits, queries, strict=True)]
    values = ranking_values(rankings, [query.grades for query in queries], metrics)
    return [mean_measure(f"{prefix}{metric.value}", np.asarray(values[metric])) for metric in metrics]


def _documents(hits: Sequence[Hit], query: Query) -> list[str]:
    """The documents of the hits, each at the rank of its best passage, by the names that the query grades."""
    names = (
        next((name for name in query.grades if names_document(hit.chunk.uri, name)), hit.chunk.uri)
        for hit in hits
    )
    return list(dict.fromkeys(names))
