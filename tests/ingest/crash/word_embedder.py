"""An embedder without a model: each word is hashed to a direction, and a text is the sum of its words.

What the tests of this folder look at is whether anything is lost, doubled or torn, not how good a vector
is; a real model would cost seconds for each of a thousand runs, and its threads do not survive a fork.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingest.embed import EmbedderSpec, Matrix, TokenCounter, Vector

_WORD = re.compile(r"\w+|[^\w\s]")


class Words:
    """Counts words as tokens."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in _WORD.finditer(text)]

    def count(self, text: str) -> int:
        return len(self.offsets(text))

    def counts(self, texts: Sequence[str]) -> list[int]:
        return [self.count(text) for text in texts]

    def known_share(self, text: str) -> float:
        return 1.0 if text else 0.0


@dataclass(frozen=True, slots=True)
class WordEmbedder:
    """The same text gets the same unit vector, in every process."""

    spec: EmbedderSpec

    @property
    def tokens(self) -> TokenCounter:
        return Words()

    @property
    def special_tokens(self) -> int:
        return 2

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        return np.stack([self._embed(text) for text in texts])

    def embed_query(self, text: str) -> Vector:
        return self._embed(text)

    def _embed(self, text: str) -> Vector:
        total = np.zeros(self.spec.dimension)
        for word in _WORD.findall(text.lower()):
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
            total += np.random.default_rng(seed).standard_normal(self.spec.dimension)
        return (total / np.linalg.norm(total)).astype(np.float32)


def load_words(spec: EmbedderSpec, *_: object) -> WordEmbedder:
    """In place of ``load_embedder``."""
    return WordEmbedder(spec)
