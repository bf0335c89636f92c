"""What the history is asked for statistics: statements that count in the database, for SQLite and PostgreSQL.

Each is about the time from ``start`` to ``end``, two timestamps that are given when it is run. Durations are
counted by their first three digits, to the millisecond below a second, so that what comes back is small
however many answers there were.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects import postgresql

from service.history.tables import ANSWERS, FEEDBACK

# SQLite takes a text for JSON as it is; PostgreSQL has to be told.
_TIMINGS = type_coerce(cast(ANSWERS.c.timings_ms, Text().with_variant(postgresql.JSON(), "postgresql")), JSON)
# A flag in PostgreSQL and a number in SQLite: only a comparison with a value is the same in both.
_IS_REFUSAL = ANSWERS.c.abstained == literal(True, ANSWERS.c.abstained.type)


def _is_within(moment: Column[str]) -> ColumnElement[bool]:
    return and_(moment >= bindparam("start"), moment < bindparam("end"))


def _to_three_digits(milliseconds: ColumnElement[float]) -> ColumnElement[float]:
    return case(
        *(
            (milliseconds < 1000 * unit, func.round(milliseconds / unit) * unit)
            for unit in (1.0, 10.0, 100.0)
        ),
        else_=func.round(milliseconds / 1000.0) * 1000.0,
    )


COUNTS = (
    select(
        ANSWERS.c.release,
        func.count().label("answers"),
        func.sum(case((_IS_REFUSAL, 1), else_=0)).label("abstained"),
        func.count(ANSWERS.c.degraded).label("degraded"),
        func.count(ANSWERS.c.cache).label("cached"),
    )
    .where(_is_within(ANSWERS.c.created_at))
    .group_by(ANSWERS.c.release)
)
"""Rows of a release with its numbers of answers."""

_TAKEN = union_all(
    *(
        select(
            ANSWERS.c.release, literal(stage).label("stage"), _TIMINGS[stage].as_float().label("duration")
        ).where(_is_within(ANSWERS.c.created_at), ANSWERS.c.cache.is_(None), ~_IS_REFUSAL)
        for stage in ("total", "first_token")
    )
).subquery()
_DURATION = _to_three_digits(_TAKEN.c.duration).label("duration")

DURATIONS = (
    select(_TAKEN.c.release, _TAKEN.c.stage, _DURATION, func.count().label("answers"))
    .where(_TAKEN.c.duration.is_not(None))
    .group_by(_TAKEN.c.release, _TAKEN.c.stage, _DURATION)
)
"""Rows of a release, a stage, a duration in milliseconds, and how many answers it took that long."""

_LATER = FEEDBACK.alias()
_IS_OVERRULED = (
    select(_LATER.c.number)
    .where(
        _LATER.c.answer_id == FEEDBACK.c.answer_id,
        _LATER.c.verdict.is_not(None),
        _LATER.c.number > FEEDBACK.c.number,
    )
    .exists()
)

THUMBS = (
    select(ANSWERS.c.release, FEEDBACK.c.verdict, func.count().label("answers"))
    .join(ANSWERS, ANSWERS.c.id == FEEDBACK.c.answer_id)
    .where(_is_within(FEEDBACK.c.created_at), FEEDBACK.c.verdict.is_not(None), ~_IS_OVERRULED)
    .group_by(ANSWERS.c.release, FEEDBACK.c.verdict)
)
"""Rows of a release with a verdict, and how many answers got it: of an answer's thumbs the last."""
