"""Fit how a collection's two rankings are fused, on labelled queries, and see whether it helps.

The figure that counts is out of fold: each query is judged under the settings that were best on the queries
of the other folds. Queries about the same document are in one fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import numpy.typing as npt

from eval.datasets import Query
from eval.retrieval import query_clusters
from eval.retrieval_metrics import gain_matrix, grade_matrix, ndcg
from eval.run import nothing
from eval.significance import Interval, bootstrap_interval
from ingest.errors import CasesError, NoTermsError
from ingest.settings import RetrievalSettings
from ingest.snapshots.snapshot import Snapshot
from service.fuse import Fusion, Rankings
from service.retrieve import Retriever

FloatArray = npt.NDArray[np.float64]
NameOf = Callable[[str, Query], str]
"""What the judgements of a query call the document with this URI."""

FEWEST_QUERIES = 20
_FOLDS = 5
_WEIGHTS = tuple(tenths / 10 for tenths in range(11))
_DEPTHS = (100, 200)
_RANKS = 10


@dataclass(frozen=True, slots=True)
class Candidate:
    """Settings that are tried."""

    dense_weight: float
    depth: int


@dataclass(frozen=True, slots=True)
class Fit:
    """The best settings over all queries, and nDCG@10 out of fold beside that of the defaults."""

    best: Candidate
    queries: int
    ndcg_default: float
    ndcg_fitted: float
    difference: Interval

    @property
    def helps(self) -> bool:
        """Whether the labels establish that fitting is better: a gain that may be chance is none."""
        return self.difference.low > 0


def fit_fusion(
    snapshot: Snapshot,
    retriever: Retriever,
    queries: Sequence[Query],
    name_of: NameOf,
    progress: Callable[[], None] = nothing,
) -> Fit:
    """Try dense weights from 0 to 1 and depths of 100 and 200 on ``queries``.

    Raises:
        CasesError: there are fewer than 20 queries with a word to search for.
    """
    candidates = _candidates()
    searched: list[Query] = []
    ranked: list[list[list[str]]] = []
    for query in queries:
        try:
            found = retriever.rankings(query.text, max(_DEPTHS))
        except NoTermsError:
            continue
        finally:
            progress()
        names = _names(snapshot, found, query, name_of)
        searched.append(query)
        ranked.append([_documents(found, names, retriever.fusion, tried) for tried in candidates])
    if len(searched) < FEWEST_QUERIES:
        raise CasesError(
            f"there are {len(searched)} labelled queries with words: a fit needs {FEWEST_QUERIES} at least."
        )
    judged = [query.grades for query in searched]
    grades = grade_matrix(judged)
    values = [ndcg(gain_matrix(rankings, judged), grades, _RANKS) for rankings in zip(*ranked, strict=True)]
    return choose(candidates, np.stack(values), query_clusters(searched))


def choose(candidates: Sequence[Candidate], values: FloatArray, clusters: npt.NDArray[np.int64]) -> Fit:
    """The candidate of the best mean, and what choosing so is worth on queries that it did not see.

    Args:
        candidates: the default first; of two that are as good, the earlier is taken.
        values: the measure by candidate and query; shape (candidates, queries).
        clusters: a number from 0 for each query; shape (queries,).
    """
    folds = np.random.default_rng(0).permutation(int(clusters.max()) + 1)[clusters] % _FOLDS
    default, fitted = values[0], np.empty_like(values[0])
    for fold in range(_FOLDS):
        inside = folds == fold
        fitted[inside] = values[values[:, ~inside].mean(axis=1).argmax(), inside]
    return Fit(
        best=candidates[int(values.mean(axis=1).argmax())],
        queries=len(default),
        ndcg_default=float(default.mean()),
        ndcg_fitted=float(fitted.mean()),
        difference=bootstrap_interval(
            np.bincount(clusters, weights=fitted - default).astype(np.float64),
            np.bincount(clusters).astype(np.float64),
        ),
    )


def _candidates() -> list[Candidate]:
    """The default, and then the others by how far they are from it."""
    defaults = RetrievalSettings()
    every = [Candidate(weight, depth) for weight in _WEIGHTS for depth in _DEPTHS]
    return sorted(
        every,
        key=lambda tried: (
            abs(tried.dense_weight - defaults.dense_weight),
            abs(tried.depth - defaults.depth),
        ),
    )


def _names(snapshot: Snapshot, found: Rankings, query: Query, name_of: NameOf) -> dict[int, str]:
    """The name of each candidate's document."""
    numbers = list(dict.fromkeys(number for number, _ in (*found.dense, *found.lexical)))
    chunks = snapshot.documents.chunks_by_number(numbers)
    return {number: name_of(chunk.uri, query) for number, chunk in zip(numbers, chunks, strict=True)}


def _documents(found: Rankings, names: dict[int, str], fusion: Fusion, tried: Candidate) -> list[str]:
    """The first documents under these settings, each at the rank of its best chunk."""
    fused = replace(fusion, dense_weight=tried.dense_weight).fuse(found.first(tried.depth))
    return list(islice(dict.fromkeys(names[item.number] for item in fused), _RANKS))
