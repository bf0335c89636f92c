"""What the comparison of two runs found, as values and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from eval.measures.measure import Direction
from eval.runs.record import RunIdentity
from eval.statistics.intervals import Interval
from eval.statistics.power import SIGNIFICANCE, cases_needed, least_detectable
from eval.statistics.significance import Difference

_DIGITS = 6


class Verdict(StrEnum):
    """What can be said of the second run; higher and lower where neither is better by itself."""

    BETTER = "better"
    WORSE = "worse"
    HIGHER = "higher"
    LOWER = "lower"
    CANNOT_TELL = "can't tell"


@dataclass(frozen=True, slots=True)
class Side:
    """The figure of one run; None where no case counts towards it."""

    value: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of two runs, over all cases or over a slice of them.

    ``slice`` is a name of ``eval.measures.slices.case_slices``, None for all cases. ``cases`` is how many
    count in the figure of either run, ``sources`` what they come from, in the run where these are fewer.
    ``difference`` is second minus first, ``ratio`` the interval of second / first; None where they are not
    defined. Its p value is adjusted over the slices of the measure (Holm), that over all cases is not.
    ``standard_error`` is the clustered one of the difference.
    """

    measure: str
    direction: Direction
    slice: str | None
    cases: int
    sources: int
    first: Side
    second: Side
    difference: Difference | None = None
    ratio: Interval | None = None
    standard_error: float | None = None

    @property
    def gain(self) -> Interval | None:
        """The interval of the difference, positive where the second run is better."""
        if self.difference is None or self.direction is not Direction.LOWER:
            return self.difference and self.difference.interval
        return Interval(-self.difference.interval.high, -self.difference.interval.low)

    @property
    def least_detectable(self) -> float | None:
        """The smallest difference that so many cases find with 80 % chance (``eval.statistics.power``)."""
        return least_detectable(self.standard_error) if self.standard_error else None

    @property
    def cases_needed(self) -> int | None:
        """How many such cases find the observed difference with 80 % chance (``eval.statistics.power``)."""
        if self.difference is None or not self.standard_error:
            return None
        return cases_needed(self.cases, self.difference.value, self.standard_error)

    @property
    def verdict(self) -> Verdict:
        """Better or worse where both the adjusted test and the interval exclude "no difference"."""
        found = self.difference
        if found is None or found.p_value > SIGNIFICANCE:
            return Verdict.CANNOT_TELL
        if found.interval.low <= 0.0 <= found.interval.high:
            return Verdict.CANNOT_TELL
        if self.direction is Direction.NEITHER:
            return Verdict.HIGHER if found.value > 0.0 else Verdict.LOWER
        is_better = (found.value > 0.0) is (self.direction is Direction.HIGHER)
        return Verdict.BETTER if is_better else Verdict.WORSE

    def to_json(self) -> dict[str, object]:
        """The row in the form that ``troika eval compare --json`` prints."""
        found = self.difference
        return {
            "measure": self.measure,
            "direction": self.direction.value,
            "slice": self.slice,
            "cases": self.cases,
            "sources": self.sources,
            "first": _side(self.first),
            "second": _side(self.second),
            "difference": None if found is None else _rounded(found.value),
            "interval": _ends(None if found is None else found.interval),
            "ratio_interval": _ends(self.ratio),
            "p_value": None if found is None else _rounded(found.p_value),
            "verdict": self.verdict.value,
            "least_detectable": _rounded(self.least_detectable),
            "cases_needed": self.cases_needed,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs on the same cases: a row for each measure, over all cases and over each slice."""

    first: RunIdentity
    second: RunIdentity
    cases: int
    sources: int
    rows: tuple[Row, ...]
    slices: tuple[Row, ...]

    def to_json(self) -> dict[str, object]:
        """The form that ``troika eval compare --json`` prints."""
        return {
            "first": asdict(self.first),
            "second": asdict(self.second),
            "cases": self.cases,
            "sources": self.sources,
            "measures": [row.to_json() for row in self.rows],
            "slices": [row.to_json() for row in self.slices],
        }


def _side(side: Side) -> dict[str, object]:
    return {"value": _rounded(side.value), "interval": _ends(side.interval)}


def _ends(interval: Interval | None) -> list[float | None] | None:
    return None if interval is None else [_rounded(interval.low), _rounded(interval.high)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
