"""RGB's four abilities (Chen et al. 2023, arXiv:2309.01431) as cases that come with their passages.

A row holds ``id, query`` (or ``question``), ``answer`` (or ``answers``), ``positive`` and ``negative``
passages, and for counterfactual rows ``positive_wrong`` and ``fakeanswer`` (or ``counterfactual_answer``).
RGB's ``answer`` lists what must all be said, each a text or a list of equal wordings; ``answers`` lists
equally right ones.

Of each row as many cases are made as it allows:

- ``noise:0.0`` … ``noise:0.8``: of five places, the level's share goes to negative passages;
- ``rejection``: five negative passages, from which nothing can be answered;
- ``integration``: an answer that needs passages from several lists, or all of a file that is named for it;
- ``counterfactual``: only passages that were altered to claim something false.

A row with fewer positive passages than places gives a shorter prompt: with a single one, level .4 is two
negatives beside it. Negatives of a level are those of the level below and more, so that levels differ by
noise alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast

from eval.cases.case import Case, CasePassage
from eval.jsonl import Record
from ingest.words.language import detect_language

NOISE_LEVELS = (0.0, 0.2, 0.4, 0.6, 0.8)
INTEGRATION_NOISE = 0.4
"""The most that RGB measures integration at."""

PLACES = 5
"""Passages that RGB shows at a time."""

_INTEGRATION_FILES = ("_int", "integration")


@dataclass(frozen=True, slots=True)
class RobustnessRow:
    """A question with passages to be mixed.

    ``positive`` holds the passages of each part of the answer, of which one is enough; ``altered`` those
    that claim ``false_answers`` instead. ``parts`` and ``answers`` are as in ``Case``.
    """

    id: str
    question: str
    language: str
    answers: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]
    positive: tuple[tuple[str, ...], ...]
    negative: tuple[str, ...]
    altered: tuple[str, ...] = ()
    false_answers: tuple[str, ...] = ()

    @property
    def needs_all(self) -> bool:
        """Whether the answer must be put together from several passages."""
        return len(self.positive) > 1

    def at_noise(self, level: float, seed: int = 0) -> Case:
        """The question among ``level`` · 5 negative passages, a level from 0 to below 1."""
        noise = round(level * PLACES)
        kept = self._shuffled(self.positive[0], seed)[: PLACES - noise]
        return self._case(f"noise:{level:.1f}", kept, self._noise(noise, seed), seed)

    def rejection(self, seed: int = 0) -> Case:
        """The question with nothing but negative passages."""
        return self._case("rejection", (), self._noise(PLACES, seed), seed)

    def integration(self, seed: int = 0) -> Case:
        """The question with a passage for each part of its answer, among negative ones."""
        kept = [self._shuffled(passages, seed)[0] for passages in self.positive]
        return self._case("integration", kept, self._noise(round(INTEGRATION_NOISE * PLACES), seed), seed)

    def counterfactual(self, seed: int = 0) -> Case:
        """The question with passages that claim something false; the truth stays the right answer."""
        return self._case("counterfactual", self._shuffled(self.altered, seed)[:PLACES], (), seed)

    def cases(self, seed: int = 0) -> Iterable[Case]:
        """Every case that the row allows, the same ones for the same seed."""
        if self.altered:
            yield self.counterfactual(seed)
        elif self.needs_all:
            yield self.integration(seed)
        else:
            yield from (self.at_noise(level, seed) for level in NOISE_LEVELS)
            yield self.rejection(seed)

    def _case(self, tag: str, holding: Sequence[str], noise: Sequence[str], seed: int) -> Case:
        passages = [CasePassage(text, relevant=True) for text in holding]
        passages += [CasePassage(text, relevant=False) for text in noise]
        random.Random(f"{seed}:{self.id}:{tag}").shuffle(passages)
        return Case(
            id=f"{self.id}@{tag}",
            question=self.question,
            language=self.language,
            answers=self.answers if holding else (),
            answerable=bool(holding),
            tags=(tag,),
            passages=tuple(passages),
            parts=self.parts if holding else (),
            false_answers=self.false_answers,
            origin=self.id,
        )

    def _noise(self, count: int, seed: int) -> list[str]:
        return self._shuffled(self.negative, seed)[:count]

    def _shuffled(self, texts: Sequence[str], seed: int) -> list[str]:
        return random.Random(f"{seed}:{self.id}").sample(texts, len(texts))


def robustness_cases(record: Record) -> Iterable[Case]:
    """The cases of a row, drawn with the seed 0, so that a file is always the same cases.

    Raises:
        CasesError: a field is missing or of another kind.
    """
    return robustness_row(record).cases()


def robustness_row(record: Record) -> RobustnessRow:
    """Read a row.

    Raises:
        CasesError: a field is missing or of another kind.
    """
    answer = _groups(record, "answer")
    positive = _groups(record, "positive")
    of_parts = any(isinstance(passages, list) for passages in record.items("positive"))
    if not of_parts and not any(name in record.path.stem for name in _INTEGRATION_FILES):
        positive = (tuple(chain.from_iterable(positive)),)
    question = record.optional_text("query") or record.text("question")
    false = record.optional_text("fakeanswer") or record.optional_text("counterfactual_answer")
    row = RobustnessRow(
        id=_identity(record),
        question=question,
        language=record.optional_text("lang") or detect_language(question),
        answers=record.texts("answers") or _together(answer),
        parts=answer if len(answer) > 1 else (),
        positive=positive,
        negative=record.texts("negative"),
        altered=record.texts("positive_wrong"),
        false_answers=(false,) if false else (),
    )
    for key, groups in (("answer", row.parts), ("positive", row.positive)):
        if not all(groups):
            raise record.fail(f"the field {key!r} holds nothing for a part of the answer: give a text.")
    if not row.negative and not row.altered:
        raise record.fail("the field 'negative' is empty: give passages without the answer.")
    return row


def _groups(record: Record, key: str) -> tuple[tuple[str, ...], ...]:
    """The texts of a field; one that stands alone is a group of its own, and so is each inner list."""
    value = record.values.get(key)
    if isinstance(value, str):
        return ((record.text(key),),)
    groups = (cast("object", item) if isinstance(item, list) else [item] for item in record.items(key))
    return tuple(Record(record.path, record.line, {key: group}).texts(key) for group in groups)


def _together(parts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Whole answers to what has several parts: the first wording of each part, side by side."""
    if len(parts) < 2:
        return tuple(chain.from_iterable(parts))
    return (", ".join(part[0] for part in parts if part),)


def _identity(record: Record) -> str:
    """The row's id; RGB numbers its rows."""
    value = record.values.get("id")
    return str(value) if isinstance(value, int) else record.text("id")
