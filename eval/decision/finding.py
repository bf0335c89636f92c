"""What a gate found about one rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CaseSet(StrEnum):
    """Which runs a rule is about: those over the cases of the task, or those over general ones."""

    TARGET = "target"
    GENERAL = "general"


class RuleKind(StrEnum):
    """What a rule asks for."""

    SUPERIOR = "superior"
    NOT_INFERIOR = "not_inferior"
    ABSOLUTE = "absolute"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule on one part of the cases, with the figures that decided it.

    ``interval`` is that of the gain (positive is better) for ``superior`` and ``not_inferior``, of the
    candidate's own figure for ``absolute`` and of candidate / baseline for ``ratio``; None where the rule
    can't be judged, and so doesn't hold. ``bound`` is what it was held against; ``reason`` says it in words.
    """

    rule: RuleKind
    measure: str
    slice: str | None
    on: CaseSet
    candidate: float | None
    baseline: float | None
    interval: tuple[float, float] | None
    bound: float
    passed: bool
    reason: str
