"""The choices of the commands on cases, apart from what carries them out, which takes long to import."""

from __future__ import annotations

from enum import StrEnum


class LeakKind(StrEnum):
    """What of a case stands in the training data; the worst first."""

    QUESTION = "question"
    """The same question."""
    SIMILAR = "similar"
    """The same question in nearly the same words: see ``eval.cases.similar_questions``."""
    PASSAGE = "passage"
    """At least 70 % of a passage with the answer: see ``eval.cases.passage_overlap``."""
    DOCUMENT = "document"
    """A question about the same document."""


class SplitBy(StrEnum):
    """What keeps the two sides of a split apart."""

    DOCUMENT = "document"
    TIME = "time"
