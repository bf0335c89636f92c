"""The first format: answers, and thumbs with a correction and a comment."""

from __future__ import annotations

from alembic import op
from sqlalchemy import REAL, Boolean, CheckConstraint, Column, Double, ForeignKey, Integer, Text

revision = "0001"
down_revision = None

# The types that a strict table of SQLite knows.
_FLAG = Boolean().with_variant(Integer(), "sqlite")
_NUMBER = Double[float]().with_variant(REAL(), "sqlite")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "answers",
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
        sqlite_strict=True,
    )
    op.create_index("answers_by_time", "answers", ["created_at"])
    op.create_table(
        "feedback",
        Column("id", Text, primary_key=True),
        Column("answer_id", Text, ForeignKey("answers.id"), nullable=False),
        Column("verdict", Text, CheckConstraint("verdict IN ('up', 'down')"), nullable=False),
        Column("correction", Text),
        Column("comment", Text),
        Column("created_at", Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("feedback_by_answer", "feedback", ["answer_id"])
    op.create_index("feedback_by_time", "feedback", ["created_at"])
