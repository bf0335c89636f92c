"""Statistics of the answers of the last hours, from the history.

Each bucket is read in transactions of its own: SQLite has one connection, and an answer that is to be kept
meanwhile waits for one of them, not for all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

from service.history.feedback import timestamp
from service.history.history import History
from service.statistics.statements import COUNTS, DURATIONS, THUMBS
from service.statistics.tally import Bucket, Counts, Durations, Statistics, Tally

MOST_BUCKETS = 48
_HOUR = 3600
_WIDTHS = (
    60, 120, 300, 600, 900, 1800, _HOUR, 2 * _HOUR, 3 * _HOUR, 4 * _HOUR, 6 * _HOUR, 12 * _HOUR, 24 * _HOUR
)  # fmt: skip
"""Widths of buckets, in seconds, that whole days are made of."""


def collect_statistics(history: History, now: datetime, hours: int) -> Statistics:
    """What was answered in about the last ``hours``, up to 48 days of them, in at most 48 buckets.

    Buckets begin at full multiples of their width in UTC, so that the same answers are counted together
    whenever one looks; the last one holds ``now``.

    Raises:
        DatabaseError: the history cannot be read.
    """
    width = next(width for width in _WIDTHS if hours * _HOUR <= MOST_BUCKETS * width)
    count = -(-hours * _HOUR // width)
    last = int(now.timestamp()) // width * width
    starts = [datetime.fromtimestamp(last - width * back, UTC) for back in reversed(range(count))]
    return Statistics(width, tuple(_read_bucket(history, start, width) for start in starts))


def _read_bucket(history: History, start: datetime, width: int) -> Bucket:
    within = {"start": timestamp(start), "end": timestamp(start + timedelta(seconds=width))}
    counts: defaultdict[str, Counts] = defaultdict(Counts)
    for row in history.read(COUNTS, within):
        counts[row.release] += Counts(row.answers, row.abstained, row.degraded, row.cached)
    for row in history.read(THUMBS, within):
        counts[row.release] += Counts(**{f"thumbs_{row.verdict}": row.answers})
    durations: defaultdict[tuple[str, str], Counter[float]] = defaultdict(Counter)
    for row in history.read(DURATIONS, within):
        durations[row.release, row.stage][row.duration] = row.answers
    return Bucket(
        start,
        {
            release: Tally(
                counted, Durations(durations[release, "total"]), Durations(durations[release, "first_token"])
            )
            for release, counted in counts.items()
        },
    )
