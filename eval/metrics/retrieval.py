"""How good rankings of documents are, by NIST's trec_eval, called through pytrec_eval.

A document is relevant from grade 1 on; one that was not judged is not relevant. Van Gysel and de Rijke,
Pytrec_eval, SIGIR 2018, arXiv:1805.01597.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from pytrec_eval import RelevanceEvaluator

FloatArray = npt.NDArray[np.float64]

_QUERIES_AT_ONCE = 5_000
"""Bounds the memory of the run as the library takes it: a number for each ranked document."""


class RankingMetric(StrEnum):
    """A value in 0..1 for each query, 0 where no relevant document is ranked or none is judged.

    - nDCG@k: the gain of the first k ranks, sum of grade_i / log2(i + 1), by that of the best possible order
      (Järvelin and Kekäläinen, TOIS 20(4), 2002; gains are the grades, not powers of two).
    - Recall@k: the share of the relevant documents that are among the first k.
    - MRR: 1 / rank of the first relevant document (Voorhees, TREC-8, 1999).
    - MAP: the mean over the relevant documents of the precision at their ranks, 0 for those not ranked.
    - hit@k: 1 where a relevant document is among the first k (trec_eval calls it success).
    """

    NDCG_10 = "ndcg@10"
    RECALL_10 = "recall@10"
    RECALL_100 = "recall@100"
    MRR = "mrr"
    MAP = "map"
    HIT_1 = "hit@1"
    HIT_5 = "hit@5"
    HIT_10 = "hit@10"


_TREC_NAMES = {
    RankingMetric.NDCG_10: "ndcg_cut.10",
    RankingMetric.RECALL_10: "recall.10",
    RankingMetric.RECALL_100: "recall.100",
    RankingMetric.MRR: "recip_rank",
    RankingMetric.MAP: "map",
    RankingMetric.HIT_1: "success.1",
    RankingMetric.HIT_5: "success.5",
    RankingMetric.HIT_10: "success.10",
}


def ranking_values(
    rankings: Sequence[Sequence[str]],
    grades: Sequence[Mapping[str, int]],
    metrics: Iterable[RankingMetric] = RankingMetric,
) -> dict[RankingMetric, FloatArray]:
    """The value of each query by metric; shape (queries,), float64.

    Args:
        rankings: for each query its documents, best first, none twice. They are scored by their rank, so
            there are no ties for trec_eval to break in an order of its own.
        grades: for each query the grade of each judged document.
    """
    names = {metric: _TREC_NAMES[metric] for metric in metrics}
    values = {metric: np.zeros(len(rankings)) for metric in names}
    for start in range(0, len(rankings), _QUERIES_AT_ONCE):
        rows = range(start, min(start + _QUERIES_AT_ONCE, len(rankings)))
        evaluator = RelevanceEvaluator({str(row): dict(grades[row]) for row in rows}, set(names.values()))
        run = {
            str(row): {document: -float(rank) for rank, document in enumerate(rankings[row])} for row in rows
        }
        for row, found in evaluator.evaluate(run).items():
            for metric, name in names.items():
                values[metric][int(row)] = found[name.replace(".", "_")]
    return values


def ndcg_of_ranks(ranks: Sequence[int], k: int) -> float:
    """nDCG@k of one ranking, as ``RankingMetric`` defines it, where each expected document has the grade 1.

    Args:
        ranks: of each expected document, at least one, from 1; 0 where it was not found.
    """
    gained = sum(1.0 / math.log2(rank + 1.0) for rank in ranks if 0 < rank <= k)
    return gained / sum(1.0 / math.log2(rank + 1.0) for rank in range(1, min(len(ranks), k) + 1))


def ndcg_at_10(rankings: Sequence[Sequence[str]], grades: Sequence[Mapping[str, int]]) -> FloatArray:
    """nDCG@10 alone, as ``ranking_values`` gives it."""
    return ranking_values(rankings, grades, [RankingMetric.NDCG_10])[RankingMetric.NDCG_10]
