"""A prompt with what was said of answers to it, as a row of training data.

Whatever form the prompt has, the fields for the answers are the same: ``chosen`` and ``rejected``; a single
answer with ``label`` or ``kto_tag`` (true or false); ``ranking``, the best answer first, with ``ranks`` where
some are equally good; or a single answer to be learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.jsonl import Record
from finetune.data.imports.turns import answer_of, read_answer
from finetune.data.rows import ExampleKind, JudgedAnswer, PreferencePair, RankedAnswers, TrainingExample
from ingest.words.language import detect_language
from service.generate import Message

PREFERRED = "preferred_elsewhere"

_THUMBS = ("label", "kto_tag")


@dataclass(frozen=True, slots=True)
class Source:
    """The file that rows come from: its SHA-256 goes into each of them."""

    dataset_sha256: str

    def example(
        self, record: Record, prompt: Sequence[Message], target: str, turn: int = 0
    ) -> TrainingExample:
        """An answer to learn: the one to the ``turn``-th question of the row."""
        identity = identity_of(record)
        return TrainingExample(
            id=f"{identity}:{turn}" if turn else identity,
            messages=tuple(prompt),
            sources=(),
            target=target,
            kind=ExampleKind.REPLAY,
            language=_language(prompt),
            prompt_id=None,
            snapshot_id=None,
            dataset_sha256=self.dataset_sha256,
        )

    def pair(self, record: Record, prompt: Sequence[Message]) -> PreferencePair:
        """A better answer and a worse one.

        Raises:
            CasesError: one is missing, or both are the same.
        """
        chosen, rejected = read_answer(record, "chosen"), read_answer(record, "rejected")
        if chosen == rejected:
            raise record.fail("the chosen and the rejected answer are the same: leave the pair out.")
        return PreferencePair(
            id=identity_of(record),
            messages=tuple(prompt),
            chosen=chosen,
            rejected=rejected,
            reason=PREFERRED,
            language=_language(prompt),
            prompt_id=None,
            dataset_sha256=self.dataset_sha256,
        )

    def judged(self, record: Record, prompt: Sequence[Message], answer: str) -> JudgedAnswer:
        """An answer with its thumb.

        Raises:
            CasesError: the thumb is neither true nor false.
        """
        return JudgedAnswer(
            id=identity_of(record),
            messages=tuple(prompt),
            answer=answer,
            good=record.flag(next(key for key in _THUMBS if record.values.get(key) is not None)),
            language=_language(prompt),
            prompt_id=None,
            dataset_sha256=self.dataset_sha256,
        )

    def ranking(self, record: Record, prompt: Sequence[Message], key: str) -> RankedAnswers:
        """The answers under ``key``, the best first.

        Raises:
            CasesError: there are fewer than two, or the ranks do not fit.
        """
        answers = tuple(answer_of(record, value, key) for value in record.items(key))
        ranks = record.indexes("ranks") if "ranks" in record.values else tuple(range(len(answers)))
        if len(answers) < 2 or len(ranks) != len(answers):
            raise record.fail(
                f"there are {len(answers)} answers and {len(ranks)} ranks: give two or more, one rank each."
            )
        if list(ranks) != sorted(ranks) or ranks[0] == ranks[-1]:
            raise record.fail("the ranks fall, or are all the same: put the best answer first.")
        return RankedAnswers(
            id=identity_of(record),
            messages=tuple(prompt),
            answers=answers,
            ranks=ranks,
            language=_language(prompt),
            prompt_id=None,
            dataset_sha256=self.dataset_sha256,
        )


def is_pair(record: Record) -> bool:
    """Whether the row has a better and a worse answer."""
    return "chosen" in record.values


def is_judged(record: Record) -> bool:
    """Whether the row's answer has a thumb."""
    return any(record.values.get(key) is not None for key in _THUMBS)


def identity_of(record: Record) -> str:
    """The row's own id, a text or a number; without one, its line."""
    value = record.values.get("id")
    if isinstance(value, int):
        return str(value)
    return record.optional_text("id") or f"line-{record.line}"


def _language(prompt: Sequence[Message]) -> str:
    return detect_language(prompt[-1].content)
