"""Join two rankings into one.

A convex combination of scores is the default. Each list is scaled to [0, 1], from its last candidate to its
best, and the two are mixed::

    fused(d) = w * dense(d) + (1 - w) * lexical(d)

after Bruch, Gai & Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval" (2022), which finds it
better than reciprocal ranks in and out of domain. A candidate that one list lacks counts there as its last;
a list of words that is shorter than asked ends at 0.

No fixed w is good for all collections, nor for all questions of one. So w follows what each list has to say:
how far its best stands above its last, the cosine in standard deviations of the cosines of unrelated chunks,
BM25 in points. Both are then evidence on a scale of log-odds, which adds up. Where the embedder cannot read
a question, all chunks are about as near, and the words decide; it counts less still by the share of the
question's tokens that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingest.choices import FusionKind

Ranking = Sequence[tuple[int, float]]
Scores = Mapping[int, float]

# Points of BM25 that one standard deviation of cosine is worth at a dense weight of one half: of fourteen
# labelled English and Chinese collections, the one that fares worst fares best with it. From 8 to 12 the mean
# gain over the better part is the same.
_POINTS = 10.0
# Cormack, Clarke & Büttcher, "Reciprocal Rank Fusion outperforms Condorcet" (2009).
_RRF_CONSTANT = 60


@dataclass(frozen=True, slots=True)
class Rankings:
    """The candidates of each index, best first, ``depth`` at most; () for an index that was not asked.

    ``known_share`` is the share of the question's tokens that the embedder knows.
    """

    dense: Ranking
    lexical: Ranking
    depth: int
    known_share: float = 1.0

    def first(self, depth: int) -> Rankings:
        """What a search for ``depth`` candidates would have found."""
        return Rankings(self.dense[:depth], self.lexical[:depth], depth, self.known_share)


@dataclass(frozen=True, slots=True)
class Fused:
    """A chunk number with its fused score in [0, 1] and the raw scores of the parts that found it."""

    number: int
    score: float
    dense_score: float | None
    lexical_score: float | None


@dataclass(frozen=True, slots=True)
class Fusion:
    """How rankings are joined.

    ``dense_weight`` in [0, 1] is 0 for words alone and 1 for vectors alone. ``cosine_spread`` is the standard
    deviation of the cosines of unrelated chunks, see ``ingest.vectors.cosine_spread``.
    """

    dense_weight: float
    cosine_spread: float
    kind: FusionKind = FusionKind.CONVEX

    def fuse(self, found: Rankings, k: int | None = None) -> list[Fused]:
        """The best ``k`` candidates of both rankings (all of them for None), best first; ties go to the lower
        number."""
        dense, lexical = dict(found.dense), dict(found.lexical)
        if self.kind is FusionKind.RRF:
            scores = self._reciprocal_ranks(dense, lexical, found.known_share)
        else:
            scores = self._convex(dense, lexical, found)
        # Sorting numbers, then floats, takes half the time of sorting pairs of both.
        best = sorted(sorted(scores), key=scores.__getitem__, reverse=True)[:k]
        return [Fused(number, scores[number], dense.get(number), lexical.get(number)) for number in best]

    def _convex(self, dense: Scores, lexical: Scores, found: Rankings) -> Scores:
        nearness = _Scale.of(dense, lowest=min(dense.values(), default=0.0))
        is_full = 0 < found.depth <= len(lexical)
        words = _Scale.of(lexical, lowest=min(lexical.values()) if is_full else 0.0)
        evidence = self.dense_weight * found.known_share * _POINTS * nearness.span / self.cosine_spread
        against = (1 - self.dense_weight) * words.span
        weight = evidence / (evidence + against) if evidence + against > 0 else self.dense_weight
        return _added(nearness.scaled(dense, weight), words.scaled(lexical, 1 - weight))

    def _reciprocal_ranks(self, dense: Scores, lexical: Scores, known_share: float) -> Scores:
        weight = self.dense_weight * known_share
        return _added(
            _by_rank(dense, weight if lexical else 1.0), _by_rank(lexical, 1 - weight if dense else 1.0)
        )


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where a list of scores ends and how far its best stands above that."""

    lowest: float
    span: float

    @classmethod
    def of(cls, scores: Scores, lowest: float) -> _Scale:
        return cls(lowest, max(scores.values(), default=lowest) - lowest)

    def scaled(self, scores: Scores, weight: float) -> dict[int, float]:
        """The scores from 0 for the lowest to ``weight`` for the best; all alike count as the best."""
        lowest, span = self.lowest, self.span
        if span <= 0:
            return dict.fromkeys(scores, weight)
        return {number: weight * ((score - lowest) / span) for number, score in scores.items()}


def _by_rank(scores: Scores, weight: float) -> dict[int, float]:
    ranked = sorted(scores, key=lambda number: (-scores[number], number))
    return {
        number: weight * (_RRF_CONSTANT + 1) / (_RRF_CONSTANT + rank)
        for rank, number in enumerate(ranked, start=1)
    }


def _added(one: Scores, other: Scores) -> Scores:
    """The sums; a number that one lacks counts 0 there."""
    total = dict(one)
    for number, score in other.items():
        total[number] = total.get(number, 0.0) + score
    return total
