"""A model as the judge of two answers, and how far it agrees with people.

Models prefer an answer for the place that it stands in (Zheng et al., 2023, "Judging LLM-as-a-judge"), so
each pair is judged in both orders, and only a judgement that holds in both counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from finetune.rlaif.prompts import render_comparison
from finetune.sampling.sampler import Sampled
from service.generate import Message

_NUMBER = re.compile(r"[12]")


class Preference(Enum):
    """Which of two answers is better."""

    FIRST = 1
    SECOND = 2

    @property
    def other(self) -> Preference:
        return Preference.SECOND if self is Preference.FIRST else Preference.FIRST


class Writer(Protocol):
    """What is asked of a model here: one reply to one prompt."""

    async def reply(self, messages: Sequence[Message], temperature: float, seed: int) -> Sampled: ...


@dataclass(frozen=True, slots=True)
class Judge:
    """Compares answers by ``principles``, one text; the model's likeliest reply counts, and of one that was
    cut what it says up to there."""

    writer: Writer

    async def compare(
        self, asked: Sequence[Message], first: str, second: str, principles: str, language: str
    ) -> Preference | None:
        """The better answer, None where the two orders disagree or a reply names none."""
        forward = await self._ask(asked, first, second, principles, language)
        backward = await self._ask(asked, second, first, principles, language)
        return forward if forward is not None and backward is forward.other else None

    async def _ask(
        self, asked: Sequence[Message], first: str, second: str, principles: str, language: str
    ) -> Preference | None:
        messages = render_comparison(asked, first, second, principles, language)
        found = _NUMBER.findall((await self.writer.reply(messages, 0.0, 0)).text)
        return Preference(int(found[0])) if len(set(found)) == 1 else None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a judge's preferences agree with people's.

    ``kappa`` is Cohen's (1960): (observed - expected) / (1 - expected) over the pairs that the judge
    decided; None where one of both always chose the same place. ``standard_error`` is its large-sample one,
    √(observed (1 - observed) / n) / (1 - expected).
    """

    pairs: int
    decided: int
    agreed: int
    kappa: float | None
    standard_error: float | None


def agreement(people: Sequence[Preference], judged: Sequence[Preference | None]) -> Agreement:
    """Compare the judge's preferences with those of people on the same pairs."""
    both = [(person, judge) for person, judge in zip(people, judged, strict=True) if judge is not None]
    agreed = sum(person is judge for person, judge in both)
    if not both:
        return Agreement(len(people), 0, 0, None, None)
    count = len(both)
    observed = agreed / count
    by_people = sum(person is Preference.FIRST for person, _ in both) / count
    by_judge = sum(judge is Preference.FIRST for _, judge in both) / count
    expected = by_people * by_judge + (1 - by_people) * (1 - by_judge)
    if expected == 1:
        return Agreement(len(people), count, agreed, None, None)
    kappa = (observed - expected) / (1 - expected)
    error = math.sqrt(observed * (1 - observed) / count) / (1 - expected)
    return Agreement(len(people), count, agreed, kappa, error)
