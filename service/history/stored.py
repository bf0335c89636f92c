"""What a history gives back."""

from __future__ import annotations

from dataclasses import dataclass

from service.answer import Answer
from service.history.feedback import Feedback, Verdict
from service.question import Inquiry


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A kept answer with what was said of it, oldest first.

    ``inquiry`` is what was asked, with all its conditions; None where an older Troika kept
    the answer.
    """

    answer: Answer
    feedback: tuple[Feedback, ...]
    inquiry: Inquiry | None = None


@dataclass(frozen=True, slots=True)
class AnswerOutcome:
    """What an answer came to, in short. ``flawed``: a sentence of it is borne out by no source, or the
    generator's text was replaced. ``total_ms`` is None for one out of the cache. ``verdict`` is the latest
    thumb, or down for a later correction without one."""

    release: str
    question: str
    abstained: bool
    flawed: bool
    total_ms: float | None
    verdict: Verdict | None
