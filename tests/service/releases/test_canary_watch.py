from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ingest.settings_canary import CanarySettings
from service.answer import Answer, Degradation, Served, Usage
from service.history.feedback import Verdict, new_feedback, timestamp
from service.history.history import History
from service.history.stored import AnswerOutcome
from service.releases.canary_guard import Count, Guard, Reading
from service.releases.canary_watch import canary_state, readings
from service.releases.release_history import BASE, Canary, Change, writing_history

SETTINGS = CanarySettings()
NO_TOLERANCE = CanarySettings(more_down_votes=0, more_abstentions=0, more_flawed=0, slowdown=1)
NEW = "sft@00000001"


def outcome(release: str, question: str, **values: object) -> AnswerOutcome:
    given = {"abstained": False, "flawed": False, "total_ms": 100.0, "verdict": None, **values}
    return AnswerOutcome(release, question, **given)  # pyright: ignore[reportArgumentType]


def reading(outcomes: Sequence[AnswerOutcome], guard: Guard, settings: CanarySettings = SETTINGS) -> Reading:
    return next(found for found in readings(outcomes, BASE, NEW, settings) if found.guard is guard)


@dataclass(frozen=True)
class Behaviour:
    """How often a release's answers are refused, flawed and voted down, and how long they take."""

    abstained: float = 0.15
    flawed: float = 0.1
    down: float = 0.3
    milliseconds: float = 900.0


def traffic(
    random: np.random.Generator, served: Behaviour, candidate: Behaviour, questions: int = 800
) -> Iterator[AnswerOutcome]:
    """Different questions, a quarter of them to the candidate; a third of the answers are judged."""
    for number in range(questions):
        is_new = random.random() < 0.25
        side = candidate if is_new else served
        verdict: Verdict = "down" if random.random() < side.down else "up"
        yield AnswerOutcome(
            NEW if is_new else BASE,
            f"question {number}",
            abstained=bool(random.random() < side.abstained),
            flawed=bool(random.random() < side.flawed),
            total_ms=float(side.milliseconds * random.lognormal(0.0, 0.5)),
            verdict=verdict if random.random() < 0.33 else None,
        )


def tripped(
    outcomes: Sequence[AnswerOutcome], looks: int = 10, settings: CanarySettings = SETTINGS
) -> set[Guard]:
    """The guards that trip at any of so many looks."""
    ends = [len(outcomes) * look // looks for look in range(1, looks + 1)]
    return {
        found.guard
        for end in ends
        for found in readings(outcomes[:end], BASE, NEW, SETTINGS)
        if found.tripped
    }


def alarms(runs: int, questions: int, looks: int, settings: CanarySettings) -> float:
    """The share of seeded canaries of an equally good candidate that are taken back."""
    random = np.random.default_rng(1)
    same = Behaviour()
    taken = [
        bool(tripped(list(traffic(random, same, same, questions)), looks, settings)) for _ in range(runs)
    ]
    return sum(taken) / runs


def test_equally_good_sides_raise_no_more_alarms_than_allowed() -> None:
    assert alarms(20, 800, 10, NO_TOLERANCE) <= NO_TOLERANCE.false_alarms


@pytest.mark.slow
def test_many_looks_at_many_answers_raise_no_more_alarms_than_allowed() -> None:
    assert alarms(400, 2000, 40, NO_TOLERANCE) <= NO_TOLERANCE.false_alarms


@pytest.mark.parametrize(
    ("candidate", "guard"),
    [
        (Behaviour(abstained=0.5), Guard.ABSTENTIONS),
        (Behaviour(flawed=0.4), Guard.FLAWED),
        (Behaviour(down=0.8), Guard.DOWN_VOTES),
        (Behaviour(milliseconds=2500), Guard.SLOWER),
    ],
)
def test_a_candidate_that_is_worse_in_one_thing_trips_that_guard(candidate: Behaviour, guard: Guard) -> None:
    random = np.random.default_rng(2)
    assert [tripped(list(traffic(random, Behaviour(), candidate))) for _ in range(2)] == [{guard}] * 2


def test_what_the_cache_gave_again_counts_but_not_its_time() -> None:
    cached = [outcome(BASE, f"known {number}", total_ms=None) for number in range(300)]
    fresh = [outcome(BASE, f"new {number}", abstained=number < 30) for number in range(100)]
    tried = [outcome(NEW, f"tried {number}", abstained=number < 45) for number in range(100)]
    seen = reading([*cached, *fresh, *tried], Guard.ABSTENTIONS)
    assert (seen.candidate, seen.served) == (Count(45, 100), Count(30, 400))
    assert seen.tripped
    assert reading([*tried, *cached], Guard.SLOWER).candidate.all == 0


def test_a_better_candidate_trips_nothing() -> None:
    random = np.random.default_rng(3)
    better = Behaviour(abstained=0.05, flawed=0.02, down=0.1, milliseconds=300)
    assert tripped(list(traffic(random, Behaviour(), better))) == set()


def test_a_question_is_counted_once_with_its_last_judgement() -> None:
    asked = [
        outcome(NEW, "q", verdict="down"),
        outcome(NEW, "q", abstained=True),
        outcome(NEW, "q", verdict="up"),
        outcome(BASE, "q"),
        outcome("dpo@00000002", "q", abstained=True),
    ]
    assert reading(asked, Guard.ABSTENTIONS).candidate == Count(0, 1)
    assert reading(asked, Guard.ABSTENTIONS).served == Count(0, 1)
    assert reading(asked, Guard.DOWN_VOTES).candidate == Count(0, 1)


def test_an_answer_is_timed_against_the_next_one_of_the_other_side() -> None:
    asked = [
        outcome(BASE, "a", total_ms=1.0),
        outcome(NEW, "b", total_ms=151.0),
        outcome(NEW, "c", total_ms=149.0),
        outcome(NEW, "refused", total_ms=9999.0, abstained=True),
        outcome(BASE, "refused", total_ms=1.0, abstained=True),
        outcome(BASE, "d"),
        outcome(BASE, "e"),
        outcome(BASE, "f"),
    ]
    assert reading(asked, Guard.SLOWER).candidate == Count(1, 2)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History(tmp_path / "history.sqlite")
    yield opened
    opened.close()


def given(release: str, question: str, moment: datetime) -> Answer:
    return Answer(
        id=f"{release} {question}",
        question=question,
        text="An answer.",
        language="en",
        citations=(),
        passages=(),
        abstained=False,
        groundedness=1.0,
        evidence=1.0,
        invented_markers=0,
        degraded=None,
        generator="fake",
        prompt_id="prompt",
        release=release,
        collection="default",
        snapshot_id="snapshot",
        timings_ms={"total": 12.5},
        usage=Usage(),
        created_at=timestamp(moment),
    )


def test_the_state_is_read_from_what_was_answered_since_the_canary_began(
    tmp_path: Path, history: History
) -> None:
    settings = CanarySettings(fewest_answers=20)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    history.keep(replace(given(NEW, "before", long_ago), abstained=True))
    assert canary_state(tmp_path, history, settings) is None
    with writing_history(tmp_path) as records:
        records.publish(Change.CANARY, BASE, reason="", back_to=0, canary=Canary(NEW, 0.5, None))
    now = datetime.now(UTC) + timedelta(seconds=1)
    history.keep(replace(given(NEW, "again", now), abstained=True, cache=Served.FAQ))
    for number in range(40):
        history.keep(replace(given(BASE, f"old {number}", now), degraded=Degradation.LANGUAGE))
        judged = replace(given(NEW, f"new {number}", now), degraded=Degradation.UNSUPPORTED)
        history.keep(judged)
        history.add_feedback(new_feedback(judged.id, "up"))
    state = canary_state(tmp_path, history, settings)
    assert state is not None
    found = {one.guard: (one.candidate, one.served) for one in state.readings}
    assert found[Guard.FLAWED] == (Count(40, 40), Count(0, 40))
    assert found[Guard.ABSTENTIONS] == (Count(0, 40), Count(0, 40))
    assert found[Guard.DOWN_VOTES] == (Count(0, 40), Count(0, 0))
    assert state.complaint is not None
    assert state.complaint.startswith("flawed: candidate 40 of 40, served 0 of 40; at least 0.")
