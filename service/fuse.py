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


def fuse(dense: Ranking, lexical: Ranking, dense_weight: float) -> list[Fused]:
    """All candidates of both rankings, best first; ties go to the lower number."""
    dense_raw, lexical_raw = dict(dense), dict(lexical)
    dense_scaled = _scale(dense_raw, lowest=min(dense_raw.values(), default=0.0))
    lexical_scaled = _scale(lexical_raw, lowest=0.0)
    fused = [
        Fused(
            number,
            dense_weight * dense_scaled.get(number, 0.0)
            + (1 - dense_weight) * lexical_scaled.get(number, 0.0),
            dense_raw.get(number),
            lexical_raw.get(number),
        )
        for number in dense_raw.keys() | lexical_raw.keys()
    ]
    return sorted(fused, key=lambda item: (-item.score, item.number))


def _scale(scores: Mapping[int, float], lowest: float) -> dict[int, float]:
    span = max(scores.values(), default=0.0) - lowest
    if span <= 0:
        return dict.fromkeys(scores, 1.0)
    return {number: (score - lowest) / span for number, score in scores.items()}
