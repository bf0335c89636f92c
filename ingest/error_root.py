"""The root of every error that Troika raises on purpose; ``ingest.errors`` draws the tree."""

from __future__ import annotations

from typing import ClassVar


class TroikaError(Exception):
    """The root: anything that Troika raises on purpose, with a stable code."""

    code: ClassVar[str] = "troika_error"
