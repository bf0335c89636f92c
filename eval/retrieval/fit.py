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

from eval.metrics.retrieval import ndcg_at_10
from eval.progress import nothing
from eval.retrieval.datasets import Query
from eval.retrieval.labels import Labels, require_enough
from eval.retrieval.run import query_clusters
from eval.statistics.intervals import Interval
from eval.statistics.significance import gain_interval
from ingest.errors import CasesError, NoTermsError
from ingest.settings import RetrievalSettings
from ingest.snapshots.snapshot import Snapshot
from service.retrieval.fuse import Fusion, Rankings
from service.retrieval.retrieve import Retriever

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FOLDS = 5
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
    snapshot: Snapshot, retriever: Retriever, labels: Labels, progress: Callable[[], None] = nothing
) -> Fit:
    """Try dense weights from 0 to 1 and depths of 100 and 200 on the queries of ``labels``.

    Raises:
        CasesError: there are fewer than 20 queries with a word to search for.
    """
    candidates = _candidates()
    searched: list[Query] = []
    ranked: list[list[list[str]]] = []
    for query in labels.queries:
        try:
            found = retriever.rankings(query.text, max(_DEPTHS))
        except NoTermsError:
            continue
        finally:
            progress()
        names = _names(snapshot, found, query, labels)
        searched.append(query)
        ranked.append([_documents(found, names, retriever.fusion, tried) for tried in candidates])
    require_enough(len(searched))
    judged = [query.grades for query in searched]
    values = [ndcg_at_10(rankings, judged) for rankings in zip(*ranked, strict=True)]
    return choose(candidates, np.stack(values), query_clusters(searched))


def choose(candidates: Sequence[Candidate], values: FloatArray, clusters: IntArray) -> Fit:
    """The candidate of the best mean, and what choosing so is worth on queries that it did not see.

    Args:
        candidates: the default first; of two that are as good, the earlier is taken.
        values: the measure by candidate and query; shape (candidates, queries).
        clusters: a number from 0 for each query; shape (queries,).
    """
    folds = folds_of(clusters)
    default, fitted = values[0], np.empty_like(values[0])
    for fold in range(FOLDS):
        inside = folds == fold
        fitted[inside] = values[values[:, ~inside].mean(axis=1).argmax(), inside]
    return Fit(
        best=candidates[int(values.mean(axis=1).argmax())],
        queries=len(default),
        ndcg_default=float(default.mean()),
        ndcg_fitted=float(fitted.mean()),
        difference=gain_interval(fitted - default, clusters),
    )


def folds_of(clusters: IntArray) -> IntArray:
    """The fold of each query, from 0, shape (queries,); those of one cluster are in one fold.

    Raises:
        CasesError: there are fewer clusters than folds.
    """
    count = int(clusters.max()) + 1
    if count < FOLDS:
        raise CasesError(
            f"the labelled queries are about {count} documents: to judge settings by others than those they "
            f"were chosen on takes {FOLDS} at least, so give cases about more documents."
        )
    return np.random.default_rng(0).permutation(count)[clusters] % FOLDS


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


def _names(snapshot: Snapshot, found: Rankings, query: Query, labels: Labels) -> dict[int, str]:
    """The name of each candidate's document."""
    numbers = list(dict.fromkeys(number for number, _ in (*found.dense, *found.lexical)))
    chunks = snapshot.documents.chunks_by_number(numbers)
    return {number: labels.name_of(chunk.uri, query) for number, chunk in zip(numbers, chunks, strict=True)}


def _documents(found: Rankings, names: dict[int, str], fusion: Fusion, tried: Candidate) -> list[str]:
    """The first documents under these settings, each at the rank of its best chunk."""
    fused = replace(fusion, dense_weight=tried.dense_weight).fuse(found.first(tried.depth))
    return list(islice(dict.fromkeys(names[item.number] for item in fused), _RANKS))
