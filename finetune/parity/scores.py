"""What one form of a model makes of the probes' answers, and how far two forms are from each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetune.parity.report import Difference


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one answer, for each of its tokens.

    ``logprobs`` (float64) are natural logarithms of the tokens' probabilities, each given all before it;
    ``best`` (int64) the ids that the form would have written. A form that does not tell a token has NaN, -1.
    """

    logprobs: NDArray[np.float64]
    best: NDArray[np.int64]


def difference(expected: Sequence[Scores], found: Sequence[Scores]) -> Difference:
    """How far ``found`` is from ``expected``, which are of the same probes."""
    old = np.concatenate([scores.logprobs for scores in expected])
    new = np.concatenate([scores.logprobs for scores in found])
    told = ~np.isnan(old) & ~np.isnan(new)
    gaps = np.abs(new - old)[told]
    same = np.concatenate([scores.best for scores in expected]) == np.concatenate(
        [scores.best for scores in found]
    )
    return Difference(int(told.sum()), float(gaps.max()), float(gaps.mean()), float(same[told].mean()))
