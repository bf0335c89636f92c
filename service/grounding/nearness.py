"""How near the meanings of a sentence and of its quote lie, by the embedder of the collection."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from ingest.embed import Embedder

_REMEMBERED = 256


class Nearness(Protocol):
    """Compares meanings; safe to share between threads."""

    def cosine(self, text: str, quote: str, language: str) -> float | None:
        """From -1 to 1; None for a ``language`` that it cannot compare."""
        ...


class EmbeddedNearness:
    """The cosine of both vectors, remembered: what is judged to be shown is judged again at the end."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._remembered = lru_cache(_REMEMBERED)(self._cosine)

    def cosine(self, text: str, quote: str, language: str) -> float | None:
        """See ``Nearness``."""
        return self._remembered(text, quote) if language in self._embedder.spec.languages else None

    def _cosine(self, text: str, quote: str) -> float:
        one, other = self._embedder.embed_passages([text, quote])
        return float(one @ other)
