"""Which of some known questions means the same as a new one: near as vectors, and alike word by word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from ingest.embed import Vector
from ingest.words.questions import Wording, WordRule

_T = TypeVar("_T")


class SameQuestion:
    """Compares questions of one collection."""

    def __init__(self, embed: Callable[[str], Vector], rule: WordRule, similarity: float) -> None:
        """``similarity`` is the least cosine of two questions that mean the same."""
        self.embed = embed
        self._rule = rule
        self._similarity = similarity

    def best(self, question: str, vector: Vector, known: Iterable[tuple[_T, str, Vector]]) -> _T | None:
        """The first of each triple of ``known``, the nearest one's that means the same; None if none does.

        Args:
            vector: the unit vector of ``question``.
            known: what stands for a question, the question, and its unit vector.
        """
        wording = Wording.of(question)
        near = [(float(vector @ other), key, text) for key, text, other in known]
        near = [candidate for candidate in near if candidate[0] >= self._similarity]
        for _, key, text in sorted(near, key=lambda candidate: -candidate[0]):
            if self._rule.agree(wording, Wording.of(text)):
                return key
        return None
