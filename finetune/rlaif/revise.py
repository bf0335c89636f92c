"""A model's answer, its own critique and revision, and which of the two it prefers -> a preference pair."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from finetune.data.rows import PreferencePair, TrainingExample
from finetune.rlaif.constitution import Principle
from finetune.rlaif.judge import Judge, Preference, Writer
from finetune.rlaif.prompts import render_critique, render_revision


class Dropped(StrEnum):
    """Why an example gave no pair."""

    CUT = "cut"
    """The answer, its critique or its revision ran into the limit on its length."""
    UNCHANGED = "unchanged"
    """The revision says the same, or nothing."""
    UNDECIDED = "undecided"
    """The judge named another answer when they changed places, or none."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What became of the example ``id``; ``principle`` names what its answer was criticised by.

    ``preferred`` is the answer for FIRST and its revision for SECOND; what was not asked for any more, since
    the example was dropped, is None.
    """

    id: str
    principle: str
    answer: str
    critique: str | None = None
    revised: str | None = None
    preferred: Preference | None = None
    dropped: Dropped | None = None


@dataclass(frozen=True, slots=True)
class Reviser:
    """Revises by a constitution; ``seed`` draws the principle that an answer is criticised by."""

    writer: Writer
    judge: Judge
    principles: Sequence[Principle]
    temperature: float
    seed: int

    async def revise(self, example: TrainingExample) -> Revision:
        """Answer, criticise, revise and judge; the first that is of no use ends it."""
        language, asked = example.language, example.messages
        principle = random.Random(f"{self.seed}:{example.id}").choice(self.principles)
        words = principle.in_language(language)
        answer = await self.writer.reply(asked, self.temperature, self.seed)
        if not answer.ended:
            return Revision(example.id, principle.name, answer.text, dropped=Dropped.CUT)
        critique = await self.writer.reply(render_critique(asked, answer.text, words, language), 0.0, 0)
        if not critique.ended:
            return Revision(example.id, principle.name, answer.text, critique.text, dropped=Dropped.CUT)
        revised = await self.writer.reply(
            render_revision(asked, answer.text, critique.text, words, language), 0.0, 0
        )
        preferred, dropped = None, Dropped.CUT
        if revised.ended:
            preferred, dropped = await self._compared(example, answer.text, revised.text)
        return Revision(
            example.id, principle.name, answer.text, critique.text, revised.text, preferred, dropped
        )

    async def _compared(
        self, example: TrainingExample, answer: str, revised: str
    ) -> tuple[Preference | None, Dropped | None]:
        if not answer or not revised or answer.split() == revised.split():
            return None, Dropped.UNCHANGED
        words = as_text(self.principles, example.language)
        preferred = await self.judge.compare(example.messages, answer, revised, words, example.language)
        return preferred, Dropped.UNDECIDED if preferred is None else None


def pair_of(example: TrainingExample, revision: Revision) -> PreferencePair | None:
    """The pair that ``example`` gives, the preferred answer chosen; None where it was dropped."""
    answer, revised = revision.answer, revision.revised
    if revision.dropped is not None or revision.preferred is None or revised is None:
        return None
    better, worse = (answer, revised) if revision.preferred is Preference.FIRST else (revised, answer)
    return PreferencePair(
        id=f"{example.id}:rlaif",
        messages=example.messages,
        chosen=better,
        rejected=worse,
        reason=f"constitution:{revision.principle}",
        language=example.language,
        prompt_id=example.prompt_id,
        dataset_sha256=example.dataset_sha256,
    )


def as_text(principles: Sequence[Principle], language: str) -> str:
    """All principles in one text, numbered by letters: the numbers are the answers'."""
    return " ".join(
        f"({chr(ord('a') + place)}) {principle.in_language(language)}"
        for place, principle in enumerate(principles)
    )
