"""The tables of the history, as statements name their columns; ``migrations`` makes them.

Values of several parts are JSON in text columns: no statement looks into them, and PostgreSQL's ``jsonb``
would refuse U+0000, which a question may hold. Times are ISO 8601 in UTC to the millisecond, which sorts as
text.
"""

from __future__ import annotations

from sqlalchemy import (
    REAL,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

FORMAT = "0006"
"""The newest of the migrations; a database that says so is opened without looking at them."""

metadata = MetaData()

# The types that a strict table of SQLite knows.
_FLAG = Boolean().with_variant(Integer(), "sqlite")
_NUMBER = Double[float]().with_variant(REAL(), "sqlite")

ANSWERS = Table(
    "answers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_at", Text, nullable=False),
    Column("collection", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("abstained", _FLAG, nullable=False),
    Column("groundedness", _NUMBER, nullable=False),
    Column("evidence", _NUMBER, nullable=False),
    Column("invented_markers", Integer, nullable=False),
    Column("degraded", Text),
    Column("generator", Text, nullable=False),
    Column("prompt_id", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("snapshot_id", Text, nullable=False),
    Column("passages", Text, nullable=False),
    Column("citations", Text, nullable=False),
    Column("timings_ms", Text, nullable=False),
    Column("usage", Text, nullable=False),
    Column("standalone_question", Text),
    Column("queries", Text, nullable=False),
    Column("reranking", Text),
    Column("cache", Text),
    Column("matched_question", Text),
    Column("asker", Text),
    Column("details", Text, nullable=False),
    Column("inquiry", Text),
    Index("answers_by_time", "created_at", "release", "abstained", "degraded", "cache", "timings_ms"),
    Index("answers_by_asker", "asker"),
)
"""``details`` holds what an answer tells of itself besides, so that a new field needs no new column;
``inquiry`` is what was asked with all its conditions, null where an older Troika did not keep it. The index
by time holds all that statistics count, since a whole row is long."""

FEEDBACK = Table(
    "feedback",
    metadata,
    Column("number", Integer, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("answer_id", Text, ForeignKey("answers.id", ondelete="CASCADE"), nullable=False),
    Column("verdict", Text),
    Column("correction", Text),
    Column("comment", Text),
    Column("created_at", Text, nullable=False),
    Column("citations", Text, nullable=False),
    Column("preferred_over", Text, ForeignKey("answers.id", ondelete="SET NULL")),
    Column("ranking", Text, nullable=False),
    Index("feedback_by_answer", "answer_id"),
    Index("feedback_by_time", "created_at"),
    Index("feedback_by_worse_answer", "preferred_over"),
)
"""``number`` tells the order of judgements within a millisecond."""
