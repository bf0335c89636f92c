"""How good a ranking of documents is, for all queries at once.

Every function takes the *gains* of the ranked documents, an array of shape (queries, ranks): the grade
of the document at each rank, best first, 0 where it is not relevant or nothing was found. Each gives
one value per query, shape (queries,), in 0..1. Grades below 0 count as 0. The values equal those of
trec_eval (measures ``ndcg_cut``, ``recall``, ``recip_rank``) for a run without tied scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def ndcg(gains: FloatArray, grades: FloatArray, k: int) -> FloatArray:
    """Normalised discounted cumulative gain of the first ``k`` ranks.

    DCG@k = sum over ranks i of gain_i / log2(i + 1), divided by the DCG@k of the best possible order.
    Gains are linear (the grade itself), as in trec_eval. 0 for a query without relevant documents.
    Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 20(4), 2002.

    Args:
        gains: (queries, ranks), grades in ranked order.
        grades: (queries, judged), the grades of all judged documents, in any order, padded with 0.
    """
    best = -np.sort(-np.maximum(grades, 0.0), axis=1)
    return _share(_discounted(gains, k), _discounted(best, k))


def recall(gains: FloatArray, grades: FloatArray, k: int) -> FloatArray:
    """The share of the relevant documents (grade above 0) that are among the first ``k`` ranks.

    |relevant among the first k| / |relevant|; 0 for a query without relevant documents.
    Manning, Raghavan and Schütze, Introduction to Information Retrieval, 2008, section 8.3.
    """
    found = np.count_nonzero(gains[:, :k] > 0, axis=1).astype(np.float64)
    return _share(found, np.count_nonzero(grades > 0, axis=1).astype(np.float64))


def reciprocal_rank(gains: FloatArray) -> FloatArray:
    """1 / rank of the first relevant document, 0 when there is none; its mean over queries is the MRR.

    Voorhees, The TREC-8 question answering track report, 1999.
    """
    relevant = np.asarray(gains > 0, dtype=np.bool_)
    if relevant.shape[1] == 0:
        return np.zeros(len(relevant))
    found = np.count_nonzero(relevant, axis=1) > 0
    return _share(found.astype(np.float64), 1.0 + np.argmax(relevant, axis=1).astype(np.float64))


def gain_matrix(rankings: Sequence[Sequence[str]], grades: Sequence[Mapping[str, int]]) -> FloatArray:
    """The grade of each ranked document: (queries, longest ranking), 0 for those without a judgement."""
    gains = np.zeros((len(rankings), max(map(len, rankings), default=0)))
    for row, (ranking, judged) in enumerate(zip(rankings, grades, strict=True)):
        gains[row, : len(ranking)] = [max(judged.get(document, 0), 0) for document in ranking]
    return gains


def grade_matrix(grades: Sequence[Mapping[str, int]]) -> FloatArray:
    """The grades of all judged documents of each query: (queries, most judgements), padded with 0."""
    matrix = np.zeros((len(grades), max(map(len, grades), default=0)))
    for row, judged in enumerate(grades):
        matrix[row, : len(judged)] = [max(grade, 0) for grade in judged.values()]
    return matrix


def _discounted(gains: FloatArray, k: int) -> FloatArray:
    first = gains[:, :k]
    discounts: FloatArray = 1.0 / np.log2(np.arange(2.0, first.shape[1] + 2.0))
    return np.asarray(first @ discounts, dtype=np.float64)


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
