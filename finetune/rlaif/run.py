"""Preference pairs from a model's own judgement (Bai et al., 2022), and how far to trust it.

The pairs are for ``troika finetune dpo``. Where people have judged pairs, the judge is held against them
first: its agreement, Cohen's κ, is what says whether its pairs are worth training on. What a run keeps is
drawn in ``finetune.sampling.run_folder``.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.progress import progress_bar
from finetune.data.row_files import write_rows
from finetune.data.rows import PreferencePair
from finetune.rlaif.constitution import Principle
from finetune.rlaif.judge import Agreement, Judge, Preference, agreement
from finetune.rlaif.request import PreparedRlaif, RlaifRequest, prepare_again, prepare_rlaif
from finetune.rlaif.revise import Reviser, Revision, as_text, pair_of
from finetune.sampling.generator import opened_generator
from finetune.sampling.journal import Journal, open_journal
from finetune.sampling.run_folder import REQUEST, new_folder, read_request, write_record
from finetune.sampling.sampler import Sampled, write
from finetune.settings.rlaif import RlaifSection
from ingest.errors import TrainingDataError, UsageError
from ingest.settings import Settings
from service.generate import Generator, Message, Sampling

LABELS = "labels.jsonl"
REVISIONS = "revisions.jsonl"
REPORT = "report.json"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RlaifReport:
    """What was written, what fell away and why, and the judge's agreement with people if that was asked."""

    pairs: int
    dropped: dict[str, int]
    output: Path
    agreement: Agreement | None


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """Which answer to the pair ``id`` people preferred, and which the judge did, by their places."""

    id: str
    people: Preference
    judge: Preference | None


@dataclass(frozen=True, slots=True)
class GeneratorWriter:
    """The served generator behind ``finetune.rlaif.judge.Writer``."""

    generator: Generator
    max_tokens: int

    async def reply(self, messages: Sequence[Message], temperature: float, seed: int) -> Sampled:
        """What the model writes, and whether it ended it."""
        return await write(self.generator, messages, Sampling(self.max_tokens, temperature, seed))


def run_rlaif(
    settings: Settings,
    section: RlaifSection,
    data: Path,
    output: Path,
    labels: Path | None = None,
    *,
    say: Say = lambda _: None,
) -> RlaifReport:
    """Write the pairs that the prompts of ``data`` give to ``output``.

    Args:
        settings: of the service; its generator writes, criticises and judges.
        section: the constitution, and how is sampled.
        data: examples; their targets are not used.
        output: JSON Lines of preference pairs.
        labels: pairs that people judged, to hold the judge against.
        say: is told the folder that ``resume_rlaif`` goes on with.

    Raises:
        TrainingDataError: a file is not of that form, or no example gives a pair.
        SettingsError: the generator writes nothing, or the constitution is none.
        GeneratorError: the model or the server behind it failed.
    """
    prepared = prepare_rlaif(settings, section, data, output, labels)
    folder = new_folder(settings.home, "rlaif")
    write_record(folder / REQUEST, prepared.request)
    say(f"if it is broken off, it goes on with --resume {folder}")
    return _finish(settings, folder, prepared)


def resume_rlaif(settings: Settings, folder: Path) -> RlaifReport:
    """Go on with a run that was killed or failed, behind the last verdict that it kept.

    Raises:
        UsageError: ``folder`` holds no run of rlaif, or one that is finished or still going on.
        RunMismatchError: the data, the labels or the generator are others than when it began.
        TroikaError: as ``run_rlaif``.
    """
    folder = folder.resolve()
    begun = read_request(folder, RlaifRequest, "rlaif")
    if (folder / REPORT).is_file():
        raise UsageError(f"the run in {folder} is finished, there is nothing to resume: start a new one.")
    return _finish(settings, folder, prepare_again(settings, folder, begun))


async def judge_pair(
    judge: Judge, pair: PreferencePair, principles: Sequence[Principle], *, seed: int = 0
) -> JudgedPair:
    """Ask the judge about a pair that people judged; the answer they chose stands first or second by
    chance."""
    place = random.Random(f"{seed}:{pair.id}").choice(list(Preference))
    both = (pair.chosen, pair.rejected)
    first, second = both if place is Preference.FIRST else both[::-1]
    words = as_text(principles, pair.language)
    return JudgedPair(pair.id, place, await judge.compare(pair.messages, first, second, words, pair.language))


def _finish(settings: Settings, folder: Path, prepared: PreparedRlaif) -> RlaifReport:
    with (
        open_journal(folder / LABELS, JudgedPair) as judged,
        open_journal(folder / REVISIONS, Revision) as revised,
    ):
        asyncio.run(_sample(settings, prepared, judged, revised))
        revisions, labels = revised.entries, judged.entries
    pairs = [
        pair
        for example, revision in zip(prepared.examples, revisions, strict=True)
        if (pair := pair_of(example, revision)) is not None
    ]
    dropped = Counter(revision.dropped.value for revision in revisions if revision.dropped is not None)
    request = prepared.request
    if not pairs:
        reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(dropped.items()))
        raise TrainingDataError(
            f"none of {len(prepared.examples)} examples gives a pair ({reasons}): set a larger model by "
            "generator.model, or where answers are cut a higher rlaif.max_new_tokens."
        )
    write_rows(request.output, pairs)
    people, verdicts = [label.people for label in labels], [label.judge for label in labels]
    held = None if request.labels is None else agreement(people, verdicts)
    report = RlaifReport(len(pairs), dict(dropped), request.output, held)
    write_record(folder / REPORT, report)
    return report


async def _sample(
    settings: Settings, prepared: PreparedRlaif, judged: Journal[JudgedPair], revised: Journal[Revision]
) -> None:
    """Ask for what the two journals, which are in the order of the files, lack."""
    request = prepared.request
    labels = prepared.judged_by_people[len(judged.entries) :]
    examples = prepared.examples[len(revised.entries) :]
    if not labels and not examples:
        return
    section, principles = request.section, request.principles
    async with opened_generator(settings, prepared.release) as generator:
        writer = GeneratorWriter(generator, section.max_new_tokens)
        judge = Judge(writer)
        reviser = Reviser(writer, judge, principles, section.temperature, section.seed)
        for pair in labels:
            judged.append(await judge_pair(judge, pair, principles))
        with progress_bar("examples", len(examples)) as advance:
            for example in examples:
                revised.append(await reviser.revise(example))
                advance()
