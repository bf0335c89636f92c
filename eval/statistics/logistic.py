"""Logistic regression with a ridge, by Newton's method (iteratively reweighted least squares)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from service.abstention.logistic import Logistic

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_STEPS = 50
_ENOUGH = 1e-10
_DECIMALS = 6


def fit_logistic(
    features: FloatArray, positive: BoolArray, *, balanced: bool, ridge: float = 1.0
) -> Logistic:
    """The weights of the largest penalised likelihood, for features as they are.

    The ridge ``ridge / 2 · |w|²`` is on the weights of standardised features, so that their units are
    without effect, and not on the intercept. It also keeps the weights finite where the sides can be parted.

    Args:
        features: shape (cases, features), float64.
        positive: shape (cases,); both sides must be there.
        balanced: whether both sides count the same, however many cases each has.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    columns = np.column_stack((np.ones(len(features)), (features - mean) / spread))
    share = float(positive.mean())
    counts = np.ones(len(positive))
    if balanced:
        counts[positive], counts[~positive] = 0.5 / share, 0.5 / (1.0 - share)
    penalty = np.diag([0.0, *[ridge] * features.shape[1]])
    weights = np.zeros(columns.shape[1])
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(columns @ weights, -500.0, 500.0)))
        slope = columns.T @ (counts * (positive - chance)) - penalty @ weights
        curvature = (columns.T * (counts * chance * (1.0 - chance))) @ columns + penalty
        # The intercept alone has no ridge, and where all chances are 0 or 1, no curvature either.
        step = np.linalg.lstsq(curvature, slope, rcond=None)[0]
        weights += step
        if np.abs(step).max() < _ENOUGH:
            break
    scaled = weights[1:] / spread
    intercept = weights[0] - scaled @ mean
    return Logistic(
        round(float(intercept), _DECIMALS), tuple(round(float(weight), _DECIMALS) for weight in scaled)
    )


def probabilities(model: Logistic, features: FloatArray) -> FloatArray:
    """``model`` for each row of ``features``; shape (cases,)."""
    return np.array([model.probability(row) for row in features.tolist()])
