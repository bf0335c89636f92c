"""A probability from a few numbers: what a logistic regression in ``eval`` has learned, applied."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Logistic:
    """p = 1 / (1 + exp(-(intercept + weights · features)))."""

    intercept: float
    weights: tuple[float, ...]

    def probability(self, features: Sequence[float]) -> float:
        """0 to 1; there are as many features as weights."""
        z = self.intercept + sum(
            weight * feature for weight, feature in zip(self.weights, features, strict=True)
        )
        # Of the two equal forms the one that cannot overflow.
        return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))
