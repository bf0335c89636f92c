"""What the answers of a canary came to, held against those of the release that it may replace.

Questions are counted, not answers: one that is asked again goes to the same side again, and says nothing new.
Of a question's answers the first counts, and the last judgement of any of them. One out of the cache counts
like the one it repeats: the cache keeps sound answers alone, so that a release whose cache is full would else
be judged by its refusals and flaws.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ingest.settings_canary import CanarySettings
from service.history.history import History
from service.history.stored import AnswerOutcome
from service.releases.canary_guard import Count, Guard, Reading, compare_pairs, compare_shares
from service.releases.release_history import Canary, ReleaseRecord, current_record

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CanaryState:
    """A canary that runs, since when, and what its guards see."""

    record: ReleaseRecord
    canary: Canary
    readings: tuple[Reading, ...]

    @property
    def complaint(self) -> str | None:
        """What the guards that tripped saw; None if none did."""
        told = [reading.told() for reading in self.readings if reading.tripped]
        return "; ".join(told) if told else None


def canary_state(home: Path, history: History, settings: CanarySettings) -> CanaryState | None:
    """The canary that runs; None without one.

    Raises:
        ReleaseHistoryError: the record of what is served cannot be read.
    """
    record = current_record(home)
    if record is None or record.canary is None:
        return None
    outcomes = history.outcomes(datetime.fromisoformat(record.created_at))
    return CanaryState(
        record, record.canary, readings(outcomes, record.release, record.canary.release, settings)
    )


def readings(
    outcomes: Iterable[AnswerOutcome], served: str, candidate: str, settings: CanarySettings
) -> tuple[Reading, ...]:
    """What each guard sees in ``outcomes``, oldest first, of the two releases; others are passed over."""
    questions = [found for found in _questions(outcomes) if found.release in (served, candidate)]
    old = [found for found in questions if found.release == served]
    new = [found for found in questions if found.release == candidate]
    fewest, error = settings.fewest_answers, settings.false_alarms / len(Guard)

    def compared(guard: Guard, side: Callable[[Sequence[AnswerOutcome]], Count], tolerance: float) -> Reading:
        return compare_shares(guard, side(new), side(old), tolerance, fewest, error)

    return (
        compared(Guard.DOWN_VOTES, _down_votes, settings.more_down_votes),
        compared(Guard.ABSTENTIONS, _abstentions, settings.more_abstentions),
        compared(Guard.FLAWED, _flawed, settings.more_flawed),
        compare_pairs(Guard.SLOWER, _slower(questions, candidate, settings.slowdown), fewest, error),
    )


def _questions(outcomes: Iterable[AnswerOutcome]) -> list[AnswerOutcome]:
    """One outcome for each question and release, in the order of their first answers."""
    found: dict[tuple[str, str], AnswerOutcome] = {}
    for outcome in outcomes:
        key = (outcome.release, outcome.question)
        first = found.setdefault(key, outcome)
        if outcome.verdict is not None:
            found[key] = replace(first, verdict=outcome.verdict)
    return list(found.values())


def _down_votes(side: Sequence[AnswerOutcome]) -> Count:
    judged = [outcome for outcome in side if outcome.verdict is not None]
    return Count(sum(outcome.verdict == "down" for outcome in judged), len(judged))


def _abstentions(side: Sequence[AnswerOutcome]) -> Count:
    return Count(sum(outcome.abstained for outcome in side), len(side))


def _flawed(side: Sequence[AnswerOutcome]) -> Count:
    return Count(sum(outcome.flawed for outcome in side), len(side))


def _slower(questions: Sequence[AnswerOutcome], candidate: str, slowdown: float) -> Count:
    """How often the candidate took more than ``slowdown`` times as long as the served release did next.

    Each answer of the candidate is paired with the first later one of the other side that is not in a pair
    yet, so that both had much the same load, and of equally fast sides neither wins more than half of the
    pairs, however their times are distributed. Refusals and the cache take no time, and say nothing of it.
    """
    waiting: deque[float] = deque()
    slower = pairs = 0
    for outcome in questions:
        if outcome.abstained or outcome.total_ms is None:
            continue
        if outcome.release == candidate:
            waiting.append(outcome.total_ms)
        elif waiting:
            pairs += 1
            slower += waiting.popleft() > slowdown * outcome.total_ms
    return Count(slower, pairs)
