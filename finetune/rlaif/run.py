"""Preference pairs from a model's own judgement (Bai et al., 2022), and how far to trust it.

The pairs are for ``troika finetune dpo``. Where people have judged pairs, the judge is held against them
first: its agreement, Cohen's κ, is what says whether its pairs are worth training on.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.progress import progress_bar
from finetune.data.row_files import read_examples, read_pairs, write_rows
from finetune.data.rows import PreferencePair
from finetune.rlaif.constitution import Principle, read_constitution
from finetune.rlaif.judge import Agreement, Judge, Preference, agreement
from finetune.rlaif.revise import Dropped, Reviser, as_text
from finetune.settings.rlaif import RlaifSection
from ingest.choices import GeneratorKind
from ingest.errors import SettingsError, TrainingDataError
from ingest.settings import Settings
from service.generate import Generator, Message, Sampling
from service.releases.served import served_release
from service.wiring import load_generator


@dataclass(frozen=True, slots=True)
class RlaifReport:
    """What was written, what fell away and why, and the judge's agreement with people if that was asked."""

    pairs: int
    dropped: dict[str, int]
    output: Path
    agreement: Agreement | None


@dataclass(frozen=True, slots=True)
class GeneratorWriter:
    """The served generator behind ``finetune.rlaif.judge.Writer``."""

    generator: Generator
    max_tokens: int

    async def reply(self, messages: Sequence[Message], temperature: float, seed: int) -> str:
        """What the model writes, without the white space around it."""
        sampling = Sampling(self.max_tokens, temperature, seed)
        return "".join([piece.text async for piece in self.generator.stream(messages, sampling)]).strip()


def run_rlaif(
    settings: Settings,
    section: RlaifSection,
    data: Path,
    output: Path,
    labels: Path | None = None,
) -> RlaifReport:
    """Write the pairs that the prompts of ``data`` give to ``output``.

    Args:
        settings: of the service; its generator writes, criticises and judges.
        section: the constitution, and how is sampled.
        data: examples; their targets are not used.
        output: JSON Lines of preference pairs.
        labels: pairs that people judged, to hold the judge against.

    Raises:
        TrainingDataError: a file is not of that form, or no example gives a pair.
        SettingsError: the generator writes nothing, or the constitution is none.
        GeneratorError: the model or the server behind it failed.
    """
    if settings.generator.kind is GeneratorKind.EXTRACTIVE:
        raise SettingsError("generator.kind is extractive, which writes nothing: set llama-cpp or openai.")
    principles = read_constitution(section.constitution)
    examples = read_examples(data)
    judged_by_people = () if labels is None else read_pairs(labels)
    generator = load_generator(settings.generator, served_release(settings), settings.home)
    writer = GeneratorWriter(generator, section.max_new_tokens)
    judge = Judge(writer)
    reviser = Reviser(writer, judge, principles, section.temperature, section.seed)

    async def run() -> tuple[list[PreferencePair | Dropped], Agreement | None]:
        try:
            held = None if labels is None else await judge_people(judge, judged_by_people, principles)
            made: list[PreferencePair | Dropped] = []
            with progress_bar("examples", len(examples)) as advance:
                for example in examples:
                    made.append(await reviser.pair(example))
                    advance()
            return made, held
        finally:
            await generator.aclose()

    made, held = asyncio.run(run())
    pairs = [pair for pair in made if isinstance(pair, PreferencePair)]
    if not pairs:
        raise TrainingDataError(
            f"none of {len(examples)} examples gives a pair: the generator revises nothing, or judges by "
            "place: set a larger model by generator.model."
        )
    write_rows(output, pairs)
    dropped = Counter(reason.value for reason in made if isinstance(reason, Dropped))
    return RlaifReport(len(pairs), dict(dropped), output, held)


async def judge_people(
    judge: Judge, pairs: Sequence[PreferencePair], principles: Sequence[Principle], *, seed: int = 0
) -> Agreement:
    """Hold the judge against people; the answer that they chose stands first or second by chance."""
    people: list[Preference] = []
    judged: list[Preference | None] = []
    for pair in pairs:
        place = random.Random(f"{seed}:{pair.id}").choice(list(Preference))
        both = (pair.chosen, pair.rejected)
        first, second = both if place is Preference.FIRST else both[::-1]
        words = as_text(principles, pair.language)
        people.append(place)
        judged.append(await judge.compare(pair.messages, first, second, words, pair.language))
    return agreement(people, judged)
