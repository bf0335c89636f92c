"""How an answer came about: what was searched for, what the reranker did, whether it was given again."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("answers", Column("standalone_question", Text))
    op.add_column("answers", Column("queries", Text, nullable=False, server_default="[]"))
    op.add_column("answers", Column("reranking", Text))
    op.add_column("answers", Column("cache", Text))
    op.add_column("answers", Column("matched_question", Text))
