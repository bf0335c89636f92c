"""How many answers there were, of which kinds, and how long they took."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of answers, and of the thumbs that answers got."""

    answers: int = 0
    abstained: int = 0
    degraded: int = 0
    cached: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.answers + other.answers,
            self.abstained + other.abstained,
            self.degraded + other.degraded,
            self.cached + other.cached,
            self.thumbs_up + other.thumbs_up,
            self.thumbs_down + other.thumbs_down,
        )


@dataclass(frozen=True, slots=True)
class Durations:
    """How many answers took how many milliseconds; ``counts`` may be added, so that no answer is held."""

    counts: Counter[float] = field(default_factory=Counter[float])

    def __add__(self, other: Durations) -> Durations:
        return Durations(self.counts + other.counts)

    def quantile(self, share: float) -> float | None:
        """The least duration that at least ``share`` of the answers did not exceed; None of no answer."""
        rank = max(1, math.ceil(share * self.counts.total()))
        for duration in sorted(self.counts):
            rank -= self.counts[duration]
            if rank <= 0:
                return duration
        return None


@dataclass(frozen=True, slots=True)
class Tally:
    """The answers of a time or of a release. Durations are those of answers that were made anew and told
    something: neither kept answers nor refusals take any time."""

    counts: Counts = field(default_factory=Counts)
    whole: Durations = field(default_factory=Durations)
    first_token: Durations = field(default_factory=Durations)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.counts + other.counts, self.whole + other.whole, self.first_token + other.first_token
        )


@dataclass(frozen=True, slots=True)
class Bucket:
    """A stretch of time, and what was answered in it by each release."""

    start: datetime
    releases: dict[str, Tally]

    @property
    def tally(self) -> Tally:
        """All releases together."""
        return sum(self.releases.values(), Tally())


@dataclass(frozen=True, slots=True)
class Statistics:
    """Buckets of one width, oldest first; the last one is not over yet."""

    bucket_seconds: int
    buckets: tuple[Bucket, ...]

    @property
    def releases(self) -> dict[str, Tally]:
        """Each release over the whole time."""
        found: dict[str, Tally] = {}
        for bucket in self.buckets:
            for release, tally in bucket.releases.items():
                found[release] = found.get(release, Tally()) + tally
        return found
