from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from service.feedback import new_feedback, timestamp


def test_white_space_alone_is_no_correction() -> None:
    feedback = new_feedback("a1", "down", correction=" \n", comment="  too short ")
    assert feedback.correction is None
    assert feedback.comment == "too short"


def test_each_judgement_has_its_own_id() -> None:
    assert new_feedback("a1", "up").id != new_feedback("a1", "up").id


def test_timestamps_are_utc_and_sort_as_text() -> None:
    early = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=8)))
    late = datetime(2026, 1, 2, 3, 4, 5, 1000, tzinfo=UTC)
    assert timestamp(early) == "2026-01-01T19:04:05.000+00:00"
    assert timestamp(early) < timestamp(late)
