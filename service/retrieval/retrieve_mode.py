"""Which of the two indexes a search asks; apart from the search itself, so that naming it costs nothing."""

from __future__ import annotations

from enum import StrEnum


class SearchMode(StrEnum):
    """Both indexes fused, or one of them alone."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"
