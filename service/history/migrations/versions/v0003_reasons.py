"""Why an answer was judged as it was: wrong citations, and another answer that is better."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("feedback", Column("wrong_citations", Text, nullable=False, server_default="[]"))
    op.add_column("feedback", Column("preferred_over", Text))
