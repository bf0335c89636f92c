"""Join two rankings into one: a min-max convex combination.

Each part's scores are scaled to [0, 1] over the candidates, from the part's lowest possible score
(0 for BM25) or its lowest candidate (cosine) up to its best, then mixed::

    fused(d) = w * dense(d) + (1 - w) * lexical(d)

after Bruch, Gai & Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval" (2022), which finds it
better than reciprocal ranks in and out of domain. A part that did not find d contributes 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Ranking = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Fused:
    """A chunk number with its fused score in [0, 1] and the raw scores of the parts that found it."""

    number: int
    score: float
    dense_score: float | None
    lexical_score: float | None


def fuse(dense: Ranking, lexical: Ranking, dense_weight: float, k: int | None = None) -> list[Fused]:
    """The best ``k`` candidates of both rankings (all of them for None), best first; ties go to the lower
    number."""
    dense_raw, lexical_raw = dict(dense), dict(lexical)
    fused = _weighted(dense_raw, min(dense_raw.values(), default=0.0), dense_weight)
    for number, score in _weighted(lexical_raw, 0.0, 1 - dense_weight).items():
        fused[number] = fused.get(number, 0.0) + score
    best = sorted(fused.items(), key=lambda item: (-item[1], item[0]))[:k]
    return [Fused(number, score, dense_raw.get(number), lexical_raw.get(number)) for number, score in best]


def _weighted(scores: Mapping[int, float], lowest: float, weight: float) -> dict[int, float]:
    """The scores scaled from ``lowest`` and their best to 0 and ``weight``; all alike count as the best."""
    span = max(scores.values(), default=0.0) - lowest
    if span <= 0:
        return dict.fromkeys(scores, weight)
    return {number: weight * ((score - lowest) / span) for number, score in scores.items()}
