"""What a trained model is worth: how documents are ranked for the held-out questions with it and without."""

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
from ingest.errors import NoTermsError
from service.retrieval.rerank import Reranker, RerankPolicy, rerank
from service.retrieval.retrieve import Retriever
from service.retrieval.retrieve_mode import SearchMode

METRICS = (RankingMetric.NDCG_10, RankingMetric.RECALL_100)
RERANKED = 50
_MODES = (SearchMode.HYBRID, SearchMode.DENSE)
_NO_MARGIN = 2.0  # scores are 0 to 1: no lead is so large that nothing is reranked


def retrieval_measures(retriever: Retriever, queries: Sequence[Query]) -> list[Measure]:
    """nDCG@10 and Recall@100, by hybrid search and by vectors alone.

    Documents stand at the rank of their best passage, of as many passages as are taken when Troika serves.
    """
    found: list[Measure] = []
    for mode in _MODES:
        hits = [_hits(retriever, query, retriever.depth, mode) for query in queries]
        found += _measures(hits, queries, METRICS, prefix=f"{mode.value} ")
    return found


def reranking_measures(
    retriever: Retriever, reranker: Reranker, queries: Sequence[Query]
) -> tuple[list[Measure], list[Measure]]:
    """nDCG@10 of the first 50 passages as hybrid search orders them, and as the reranker does."""
    plain = [_hits(retriever, query, RERANKED, SearchMode.HYBRID) for query in queries]
    policy = RerankPolicy(RERANKED, _NO_MARGIN)
    moved = [
        rerank(query.text, hits, reranker, policy)[0] for query, hits in zip(queries, plain, strict=True)
    ]
    wanted = (RankingMetric.NDCG_10,)
    return _measures(plain, queries, wanted), _measures(moved, queries, wanted)


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
