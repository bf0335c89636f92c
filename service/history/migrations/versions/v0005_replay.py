"""All that a replay needs; verdicts on single citations, rankings, and judgements without a thumb.

Feedback gets a table of its own anew: SQLite cannot change a column that must not be null, nor what becomes
of a judgement when its answer is deleted.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import CheckConstraint, Column, ForeignKey, Identity, Integer, Text

revision = "0005"
down_revision = "0004"

_COPY = """
INSERT INTO feedback (id, answer_id, verdict, correction, comment, created_at, preferred_over, citations)
SELECT id, answer_id, verdict, correction, comment, created_at, preferred_over,
    (SELECT json_group_array(json_object('marker', value, 'verdict', 'down')) FROM json_each(wrong_citations))
FROM old_feedback ORDER BY created_at, rowid
"""


def upgrade() -> None:
    """Add the columns to answers, and copy the judgements over."""
    op.add_column("answers", Column("details", Text, nullable=False, server_default="{}"))
    op.add_column("answers", Column("inquiry", Text))
    op.create_index("answers_by_asker", "answers", ["asker"])
    for index in ("feedback_by_answer", "feedback_by_time"):
        op.drop_index(index, "feedback")
    op.rename_table("feedback", "old_feedback")
    op.create_table(
        "feedback",
        Column("number", Integer, Identity(), primary_key=True),
        Column("id", Text, nullable=False, unique=True),
        Column("answer_id", Text, ForeignKey("answers.id", ondelete="CASCADE"), nullable=False),
        Column("verdict", Text, CheckConstraint("verdict IN ('up', 'down')")),
        Column("correction", Text),
        Column("comment", Text),
        Column("created_at", Text, nullable=False),
        Column("citations", Text, nullable=False, server_default="[]"),
        Column("preferred_over", Text, ForeignKey("answers.id", ondelete="SET NULL")),
        Column("ranking", Text, nullable=False, server_default="[]"),
        sqlite_strict=True,
    )
    op.create_index("feedback_by_answer", "feedback", ["answer_id"])
    op.create_index("feedback_by_time", "feedback", ["created_at"])
    op.create_index("feedback_by_worse_answer", "feedback", ["preferred_over"])
    if op.get_bind().dialect.name == "sqlite":  # no other database ever held judgements of an older format
        op.execute(_COPY)
    op.drop_table("old_feedback")
