"""The JSON of ``GET /v1/statistics``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from service.schemas import ResponseBody
from service.statistics.tally import Durations, Statistics, Tally


class DurationsBody(ResponseBody):
    """What half of the answers, and what 19 of 20, did not take longer than, in milliseconds."""

    p50: float
    p95: float

    @classmethod
    def of(cls, durations: Durations) -> Self | None:
        """None of no answer."""
        middle, late = durations.quantile(0.5), durations.quantile(0.95)
        return None if middle is None or late is None else cls(p50=middle, p95=late)


class TallyBody(ResponseBody):
    """Numbers of answers. Durations, to three digits, are of answers that were made anew and no refusal."""

    answers: int = Field(description="all that were given, those counted below among them")
    abstained: int = Field(description="the sources did not tell")
    degraded: int = Field(description="made in a simpler way than configured")
    cached: int = Field(description="kept or curated answers, given again")
    thumbs_up: int = Field(description="judged in this time; of an answer's thumbs the last counts")
    thumbs_down: int
    latency_ms: DurationsBody | None = Field(description="until the whole answer was there")
    first_token_ms: DurationsBody | None = Field(description="until the generator's first token")


class BucketBody(TallyBody):
    """All answers of a stretch of time."""

    start: datetime

    @classmethod
    def of(cls, start: datetime, tally: Tally) -> Self:
        return cls(start=start, **_fields(tally))


class ReleaseTallyBody(TallyBody):
    """All answers of a release."""

    release: str

    @classmethod
    def of(cls, release: str, tally: Tally) -> Self:
        return cls(release=release, **_fields(tally))


class StatisticsBody(ResponseBody):
    """What was answered lately, in time and by release."""

    bucket_seconds: int = Field(
        description="width of each bucket; they begin at full multiples of it, in UTC"
    )
    buckets: tuple[BucketBody, ...] = Field(description="oldest first, without gaps; the last one goes on")
    releases: tuple[ReleaseTallyBody, ...] = Field(description="over all buckets, by name")

    @classmethod
    def of(cls, statistics: Statistics) -> Self:
        return cls(
            bucket_seconds=statistics.bucket_seconds,
            buckets=tuple(BucketBody.of(bucket.start, bucket.tally) for bucket in statistics.buckets),
            releases=tuple(
                ReleaseTallyBody.of(release, tally) for release, tally in sorted(statistics.releases.items())
            ),
        )


def _fields(tally: Tally) -> dict[str, Any]:
    return {
        **asdict(tally.counts),
        "latency_ms": DurationsBody.of(tally.whole),
        "first_token_ms": DurationsBody.of(tally.first_token),
    }
