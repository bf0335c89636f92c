"""What ``troika bench ingest`` can measure."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """What can be measured."""

    PAGES = "pages"
    EMBEDDING = "embedding"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    MEMORY = "memory"
