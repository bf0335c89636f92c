"""Queries become rankings of documents, and rankings become figures."""

from __future__ import annotations

import json

import pytest

from eval.metrics.retrieval import RankingMetric
from eval.retrieval.datasets import Query, corpus_uri
from eval.retrieval.report import report_retrieval, retrieval_lines
from eval.retrieval.run import rank_documents, run_queries
from ingest.document import BlockKind, Chunk, Hit
from service.retrieval.retrieve_mode import SearchMode
from tests.eval.fakes import FakePipeline, shown

HYBRID = SearchMode.HYBRID


def hit(document: str, score: float) -> Hit:
    uri = corpus_uri("set", document)
    return Hit(Chunk("c", document, uri, "", (), "x", 0, 1, None, None, BlockKind.PARAGRAPH, "en"), score)


def test_a_document_ranks_where_its_best_chunk_does() -> None:
    assert rank_documents([hit("b", 0.9), hit("a", 0.8), hit("b", 0.7), hit("c", 0.1)]) == ("b", "a", "c")


@pytest.mark.anyio
async def test_a_run_is_measured_per_query_and_per_language() -> None:
    texts = {corpus_uri("set", name): name for name in ("apple", "pear", "plum")}
    pipeline = FakePipeline(texts, {})
    queries = [
        Query("1", "pear", "en", {"pear": 1}, tags=("fruit",)),
        Query("2", "fig", "en", {"pear": 1}),
        Query("3", "?", "zh", {"plum": 1}),
    ]
    run = await run_queries(pipeline, queries, HYBRID, 10)
    assert run.rankings == (("pear", "apple", "plum"), ("apple", "pear", "plum"), ())
    report = report_retrieval(
        run, dataset="set", collection="eval-set", snapshot="s", mode=HYBRID, passages=10
    )
    assert report.metrics["mrr"] == pytest.approx(0.5)
    assert report.metrics["recall@10"] == pytest.approx(2 / 3)
    assert report.unsearchable == 1
    document = json.loads(json.dumps(report.to_json()))
    assert document["languages"]["zh"] == {
        "queries": 1,
        "metrics": dict.fromkeys(RankingMetric, 0.0),
    }
    assert document["tags"]["fruit"]["metrics"]["mrr"] == 1.0
    assert set(document["latency_ms"]) == {"p50", "p99"}
    assert "│ mrr        │ 0.500 │" in shown(retrieval_lines(report))
