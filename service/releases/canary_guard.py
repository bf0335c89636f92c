"""Is a candidate worse than what is served? Asked as often as one likes, while the answers come in.

All guards count: answers that were refused, flawed, voted down, or slower than allowed. A share that is
watched needs bounds that hold at every moment at once, or enough looks find a difference where there is none.
They come from the beta-binomial mixture (Robbins 1970; Howard, Ramdas, McAuliffe & Sekhon 2021): with s of n
answers bad,

    M_n(p) = B(s + 1/2, n - s + 1/2) / B(1/2, 1/2) / (p^s (1 - p)^(n - s))

is a martingale of mean 1 if p is the true share, so by Ville's inequality M_n(p) reaches 1/e at any time with
a chance of at most e: the p with M_n(p) < 1/e are bounds that hold throughout with a chance of 1 - e.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

_HALVINGS = 30


class Guard(StrEnum):
    """What is compared between the two sides."""

    DOWN_VOTES = "down_votes"
    ABSTENTIONS = "abstentions"
    FLAWED = "flawed"
    SLOWER = "slower"


@dataclass(frozen=True, slots=True)
class Count:
    """So many bad ones of all."""

    bad: int
    all: int

    @property
    def share(self) -> float:
        """The share of the bad ones, 0 to 1; 0 of none."""
        return self.bad / self.all if self.all else 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a guard sees: it trips when the candidate's least share is above what is allowed.

    ``served`` is None for a guard that compares answer by answer (``Guard.SLOWER``).
    """

    guard: Guard
    candidate: Count
    served: Count | None
    least: float
    allowed: float
    is_enough: bool

    @property
    def tripped(self) -> bool:
        """Whether the candidate is shown to be worse than allowed."""
        return self.is_enough and self.least > self.allowed

    def told(self) -> str:
        """The reading in words."""
        served = "" if self.served is None else f", served {self.served.bad} of {self.served.all}"
        return (
            f"{self.guard.value}: candidate {self.candidate.bad} of {self.candidate.all}{served}; "
            f"at least {self.least:.3f} where {self.allowed:.3f} is allowed"
        )


def compare_shares(
    guard: Guard, candidate: Count, served: Count, tolerance: float, fewest: int, error: float
) -> Reading:
    """Whether the candidate's share of bad ones is more than ``tolerance`` above the served one's.

    ``error`` is the chance of a false alarm, ever; half of it goes to either share's bound.
    """
    least, _ = bounds(candidate, error / 2)
    _, most = bounds(served, error / 2)
    is_enough = min(candidate.all, served.all) >= fewest
    return Reading(guard, candidate, served, least, min(1.0, most + tolerance), is_enough)


def compare_pairs(guard: Guard, worse: Count, fewest: int, error: float) -> Reading:
    """Whether the candidate is worse in more than half of the pairs of answers."""
    least, _ = bounds(worse, error)
    return Reading(guard, worse, None, least, 0.5, worse.all >= fewest)


def bounds(count: Count, error: float) -> tuple[float, float]:
    """Bounds of a share, 0 to 1, that hold at all moments together with a chance of 1 - ``error``."""
    good = count.all - count.bad
    evidence = _log_beta(count.bad + 0.5, good + 0.5) - _log_beta(0.5, 0.5)

    def is_outside(share: float) -> bool:
        likelihood = (count.bad * math.log(share) if count.bad else 0.0) + (
            good * math.log1p(-share) if good else 0.0
        )
        return evidence - likelihood >= -math.log(error)

    least = _border(0.0, count.share, is_outside) if count.bad else 0.0
    most = _border(1.0, count.share, is_outside) if good else 1.0
    return least, most


def _border(outside: float, inside: float, is_outside: Callable[[float], bool]) -> float:
    """Where a test changes between a share that fails it and one that meets it, by halving."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        if is_outside(middle):
            outside = middle
        else:
            inside = middle
    return outside


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
