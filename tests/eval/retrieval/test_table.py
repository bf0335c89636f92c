"""Sets and modes stand side by side, with what fusion gains over its better part."""

from __future__ import annotations

import numpy as np
import pytest

from eval.retrieval.datasets import Query
from eval.retrieval.report import report_retrieval
from eval.retrieval.run import RetrievalRun, query_clusters
from eval.retrieval.table import SetResult, gains_of_fusion, table_lines, table_markdown
from service.retrieval.retrieve_mode import SearchMode
from tests.eval.fakes import shown

QUERIES = tuple(Query(str(number), "?", "en", {f"d{number}": 1}) for number in range(8))


def run(found: int) -> RetrievalRun:
    """Of the eight queries, the first ``found`` get their document first; the others get nothing."""
    rankings = tuple((f"d{number}",) if number < found else () for number in range(8))
    return RetrievalRun(QUERIES, rankings, np.full(8, 2.5), 0)


RUNS = {SearchMode.LEXICAL: run(4), SearchMode.DENSE: run(2), SearchMode.HYBRID: run(6)}


def result(runs: dict[SearchMode, RetrievalRun]) -> SetResult:
    reports = {
        mode: report_retrieval(ran, dataset="set", collection="c", snapshot="s", mode=mode, passages=100)
        for mode, ran in runs.items()
    }
    return SetResult(reports, gains_of_fusion(runs))


def test_the_gain_is_over_the_better_part_query_by_query() -> None:
    gain = gains_of_fusion(RUNS)["ndcg@10"]
    assert gain.over is SearchMode.LEXICAL
    assert gain.mean == pytest.approx(0.25)
    assert 0.0 <= gain.interval.low <= 0.25 <= gain.interval.high <= 1.0


def test_without_all_modes_there_is_no_gain() -> None:
    assert gains_of_fusion({SearchMode.HYBRID: run(6), SearchMode.DENSE: run(2)}) == {}


def test_the_table_is_the_same_in_markdown_and_at_a_terminal() -> None:
    header, rule, row = table_markdown([result(RUNS)]).splitlines()
    assert header.startswith(
        "| data set | queries | nDCG@10 lexical | nDCG@10 dense | nDCG@10 hybrid | gain |"
    )
    assert rule.count("---") == header.count("|") - 1
    assert "| 0.750 (0.250 … 1.000) | +0.250 (" in row
    assert "0.750" in shown(table_lines([result(RUNS)]))


def test_the_json_of_a_set_holds_the_report_of_each_mode() -> None:
    document = result(RUNS).to_json()
    assert document["gains"]["recall@100"]["over"] == "lexical"  # type: ignore[index]
    assert set(document["modes"]) == {"lexical", "dense", "hybrid"}  # type: ignore[call-overload]


def test_queries_about_one_document_are_drawn_together() -> None:
    queries = [
        Query("1", "a", "en", {"x": 1, "y": 2}),
        Query("2", "b", "en", {"y": 1}),
        Query("3", "c", "en", {"x": 1, "z": 1}),
    ]
    clusters = query_clusters(queries).tolist()
    assert clusters[0] == clusters[1] != clusters[2]
