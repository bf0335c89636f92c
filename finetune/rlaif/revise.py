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

    UNCHANGED = "unchanged"
    """The revision says the same, or nothing."""
    UNDECIDED = "undecided"
    """The judge named another answer when they changed places, or none."""


@dataclass(frozen=True, slots=True)
class Reviser:
    """Makes pairs by a constitution; ``seed`` draws the principle that an answer is criticised by."""

    writer: Writer
    judge: Judge
    principles: Sequence[Principle]
    temperature: float
    seed: int

    async def pair(self, example: TrainingExample) -> PreferencePair | Dropped:
        """The pair that ``example`` gives: the answer and its revision, the preferred one chosen."""
        language, asked = example.language, example.messages
        principle = random.Random(f"{self.seed}:{example.id}").choice(self.principles)
        words = principle.in_language(language)
        answer = await self.writer.reply(asked, self.temperature, self.seed)
        critique = await self.writer.reply(render_critique(asked, answer, words, language), 0.0, 0)
        revised = await self.writer.reply(render_revision(asked, answer, critique, words, language), 0.0, 0)
        if not answer or not revised or answer.split() == revised.split():
            return Dropped.UNCHANGED
        preferred = await self.judge.compare(
            asked, answer, revised, as_text(self.principles, language), language
        )
        if preferred is None:
            return Dropped.UNDECIDED
        better, worse = (answer, revised) if preferred is Preference.FIRST else (revised, answer)
        return PreferencePair(
            id=f"{example.id}:rlaif",
            messages=asked,
            chosen=better,
            rejected=worse,
            reason=f"constitution:{principle.name}",
            language=language,
            prompt_id=example.prompt_id,
            dataset_sha256=example.dataset_sha256,
        )


def as_text(principles: Sequence[Principle], language: str) -> str:
    """All principles in one text, numbered by letters: the numbers are the answers'."""
    return " ".join(
        f"({chr(ord('a') + place)}) {principle.in_language(language)}"
        for place, principle in enumerate(principles)
    )
