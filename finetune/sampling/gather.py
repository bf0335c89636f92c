"""The answers of one round, kept as they come, so that nothing is sampled twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.progress import progress_bar
from finetune.data.rows import TrainingExample
from finetune.rewards.verifiable import is_verifiable
from finetune.sampling.acceptance import is_right
from finetune.sampling.generator import AT_ONCE, opened_generator
from finetune.sampling.journal import Journal, open_journal
from finetune.sampling.sampler import GeneratorSampler, Sampled, sample_all
from finetune.settings.rft import RftSection
from ingest.settings import Settings
from service.releases.release import Release


@dataclass(frozen=True, slots=True)
class SampledAnswer:
    """An answer, and whether it is right; see ``is_right``."""

    text: str
    ended: bool
    right: bool


@dataclass(frozen=True, slots=True)
class SampledQuestion:
    """All answers to the example at ``place`` in the data, whose name is ``id``."""

    place: int
    id: str
    answers: tuple[SampledAnswer, ...]


def gather(
    settings: Settings, release: Release, examples: Sequence[TrainingExample], rft: RftSection, path: Path
) -> list[list[Sampled]]:
    """The answers of the generator with ``release`` to each of ``examples``, in their order.

    Those in ``path`` are taken from there, the others are sampled and appended to it. Examples that no rule
    can judge are asked for none.

    Raises:
        GeneratorError: the model or the server behind it failed; what came before is kept.
        UsageError, TrainingDataError: as ``open_journal``.
        TroikaError: as ``opened_generator``.
    """
    with open_journal(path, SampledQuestion) as journal:
        known = {question.place for question in journal.entries}
        missing = [
            place for place, example in enumerate(examples) if is_verifiable(example) and place not in known
        ]
        if missing:
            asyncio.run(_sample(settings, release, examples, missing, rft, journal))
        answers = {question.place: question.answers for question in journal.entries}
    return [
        [Sampled(answer.text, answer.ended) for answer in answers.get(place, ())]
        for place in range(len(examples))
    ]


async def _sample(
    settings: Settings,
    release: Release,
    examples: Sequence[TrainingExample],
    places: Sequence[int],
    rft: RftSection,
    journal: Journal[SampledQuestion],
) -> None:
    async with opened_generator(settings, release) as generator:
        sampler = GeneratorSampler(generator, rft.temperature, rft.max_new_tokens)
        with progress_bar("sampled questions", len(places)) as advance:

            def keep(number: int, answers: list[Sampled]) -> None:
                place = places[number]
                journal.append(_judged(place, examples[place], answers, rft.least_f1))
                advance()

            await sample_all(
                sampler,
                [examples[place].messages for place in places],
                rft.samples,
                at_once=AT_ONCE[settings.generator.kind],
                keep=keep,
            )


def _judged(
    place: int, example: TrainingExample, answers: Sequence[Sampled], least_f1: float
) -> SampledQuestion:
    judged = [
        SampledAnswer(answer.text, answer.ended, is_right(example, answer, least_f1)) for answer in answers
    ]
    return SampledQuestion(place, example.id, tuple(judged))
