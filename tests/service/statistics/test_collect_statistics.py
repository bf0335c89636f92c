from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest

from service.answer import Answer, Degradation, Served
from service.history.feedback import new_feedback, timestamp
from service.history.history import History
from service.statistics.collect import MOST_BUCKETS, collect_statistics
from service.statistics.routes import MOST_HOURS
from service.statistics.tally import Counts

NOW = datetime(2026, 9, 3, 12, 10, tzinfo=UTC)

Keep = Callable[..., str]


@pytest.fixture
def keep(history: History, answer: Answer) -> Keep:
    """Keeps an answer that was given so many minutes before ``NOW``; its id."""
    ids = (f"answer-{number}" for number in count())

    def keep(minutes: float = 0.0, milliseconds: float = 1000.0, **fields: Any) -> str:
        plain = replace(
            answer,
            id=next(ids),
            created_at=timestamp(NOW - timedelta(minutes=minutes)),
            degraded=None,
            timings_ms={"first_token": milliseconds / 4, "total": milliseconds},
        )
        history.keep(replace(plain, **fields))
        return plain.id

    return keep


def judge(history: History, answer_id: str, verdict: Any, minutes: float = 0.0) -> None:
    moment = timestamp(NOW - timedelta(minutes=minutes))
    history.add_feedback(replace(new_feedback(answer_id, verdict), created_at=moment))


def test_answers_are_counted_by_time_and_kind(history: History, keep: Keep) -> None:
    keep(0)
    keep(9, abstained=True)
    keep(10, degraded=Degradation.LANGUAGE)  # at noon sharp
    keep(11, cache=Served.EXACT)
    keep(30 * 48 + 10)  # before the first bucket
    statistics = collect_statistics(history, NOW, 24)
    assert [bucket.start for bucket in statistics.buckets[-2:]] == [
        datetime(2026, 9, 3, 11, 30, tzinfo=UTC),
        datetime(2026, 9, 3, 12, 0, tzinfo=UTC),
    ]
    *empty, before, last = (bucket.tally.counts for bucket in statistics.buckets)
    assert last == Counts(answers=3, abstained=1, degraded=1)
    assert before == Counts(answers=1, cached=1)
    assert set(empty) == {Counts()}


def test_durations_are_those_of_answers_that_were_made_and_told_something(
    history: History, keep: Keep
) -> None:
    for milliseconds in (12.4, 987.6, 1236.0, 65_432.1):
        keep(milliseconds=milliseconds)
    keep(milliseconds=1.0, abstained=True)
    keep(milliseconds=2.0, cache=Served.SEMANTIC)
    keep(timings_ms={})
    tally = collect_statistics(history, NOW, 24).buckets[-1].tally
    assert sorted(tally.whole.counts) == [12.0, 988.0, 1240.0, 65_400.0]
    assert sorted(tally.first_token.counts) == [3.0, 247.0, 309.0, 16_400.0]


def test_releases_are_told_apart_over_the_whole_time(history: History, keep: Keep) -> None:
    keep(0, 100.0)
    keep(300, 200.0)
    keep(600, 300.0, release="sft@12345678")
    releases = collect_statistics(history, NOW, 24).releases
    assert {name: tally.counts.answers for name, tally in releases.items()} == {"base": 2, "sft@12345678": 1}
    assert [tally.whole.quantile(1.0) for tally in releases.values()] == [300.0, 200.0]


def test_of_an_answers_thumbs_the_last_counts_when_it_was_given(history: History, keep: Keep) -> None:
    changed, old = keep(90), keep(3000, release="sft@12345678")
    judge(history, changed, "up", minutes=80)
    judge(history, changed, "down", minutes=5)
    history.add_feedback(new_feedback(changed, comment="no thumb"))
    judge(history, old, "up", minutes=5)
    statistics = collect_statistics(history, NOW, 24)
    counts = statistics.buckets[-1].tally.counts
    assert (counts.thumbs_up, counts.thumbs_down) == (1, 1)
    assert sum(bucket.tally.counts.thumbs_up for bucket in statistics.buckets) == 1
    assert statistics.releases["sft@12345678"].counts == Counts(thumbs_up=1)


@pytest.mark.parametrize("hours", [1, 2, 24, 25, 168, MOST_HOURS])
def test_buckets_are_few_aligned_and_without_gaps(history: History, hours: int) -> None:
    statistics = collect_statistics(history, NOW, hours)
    width = timedelta(seconds=statistics.bucket_seconds)
    starts = [bucket.start for bucket in statistics.buckets]
    assert len(starts) <= MOST_BUCKETS
    assert {later - earlier for earlier, later in pairwise(starts)} == {width}
    assert all(start.timestamp() % statistics.bucket_seconds == 0 for start in starts)
    assert starts[-1] <= NOW < starts[-1] + width
    assert width * len(starts) >= timedelta(hours=hours)
