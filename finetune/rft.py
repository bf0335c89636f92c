"""Rejection sampling: the model answers, rules check, and it learns from its own right answers (Yuan et al.,
2023, "Scaling relationship on learning mathematical reasoning with large language models").

Each round samples from the generator that serves, with the adapter of the round before, and trains a new
adapter, on the base model or from the one that was sampled. Small instruct models learn more from right
answers in their own words than from those that others wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.progress import progress_bar
from finetune.adapters.export import export_run
from finetune.adapters.refusals import fit_refusals
from finetune.data.row_files import read_examples, write_rows
from finetune.data.rows import TrainingExample
from finetune.sampling.acceptance import Harvest, harvest
from finetune.sampling.sampler import GeneratorSampler, Sampled, sample_all
from finetune.settings.rft import RftConfig, RftSection
from finetune.training.run import Run, prepare_run, start_run
from ingest.choices import GeneratorKind
from ingest.errors import SettingsError, TrainingDataError
from ingest.settings import Settings
from service.releases.release import Release, named_release
from service.releases.served import served_release
from service.wiring import load_generator

# A server batches what comes at once; the embedded model answers one prompt after the other.
_AT_ONCE = {GeneratorKind.OPENAI: 16, GeneratorKind.LLAMA_CPP: 1}


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Rows that nothing is trained on, by which each round's adapter is told how readily to refuse; see
    ``fit_refusals``."""

    rows: Path
    most_false: float


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did; shares are of the questions that rules can judge, see ``Harvest``."""

    sampled_from: str
    questions: int
    right_share: float
    solved_share: float
    examples: int
    own_words: int
    data: Path
    run: Path
    adapter: str


def run_rft(
    settings: Settings,
    config: RftConfig,
    data: Path,
    adapter: str | None = None,
    *,
    held_out: HeldOut | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Round]:
    """Sample, check and train, as many rounds as the configuration says; returns what each did.

    Args:
        settings: of the service; its generator is sampled.
        config: of the sampling and the training.
        data: examples whose answers rules can check, as ``troika finetune data build`` writes them.
        adapter: a kept adapter to sample the first round from; None takes what is served.
        held_out: to fit how readily the new adapters refuse; None leaves them as they come.
        say: is told what happens.

    Raises:
        TrainingDataError: the data is not of that form, or nothing is left to learn.
        SettingsError: the generator cannot be sampled, or cannot take up a new adapter for a second round.
        TroikaError: what sampling and training raise.
    """
    _check_generator(settings.generator.kind, config.rft)
    examples = read_examples(data)
    if held_out is not None:
        read_examples(held_out.rows)  # what is wrong with them is said before the long work
    release = served_release(settings) if adapter is None else named_release(settings.home, adapter)
    prepare_run(config.training(), data, _start(release, config.rft), None)
    rounds: list[Round] = []
    for number in range(1, config.rft.rounds + 1):
        gathered = harvest(
            examples, sample(settings, release, examples, config.rft), config.rft, seed=config.train.seed
        )
        say(
            f"round {number}: {gathered.accepted} of {gathered.samples} answers of {release.name} are right, "
            f"{gathered.solved} of {gathered.questions} questions solved"
        )
        path = settings.home / "data" / f"{data.stem}.round{number}.jsonl"
        run = _train(settings.home, config, gathered, path, _start(release, config.rft))
        kept = _keep(settings.home, run, held_out)
        rounds.append(_round(release, gathered, path, run, kept))
        release = named_release(settings.home, kept)
    return rounds


def sample(
    settings: Settings, release: Release, examples: Sequence[TrainingExample], rft: RftSection
) -> list[list[Sampled]]:
    """The answers of the generator with ``release`` to each of ``examples``."""
    generator = load_generator(settings.generator, release, settings.home)
    sampler = GeneratorSampler(generator, rft.temperature, rft.max_new_tokens)

    async def run() -> list[list[Sampled]]:
        try:
            prompts = [example.messages for example in examples]
            at_once = _AT_ONCE[settings.generator.kind]
            with progress_bar("sampled questions", len(prompts)) as advance:
                return await sample_all(sampler, prompts, rft.samples, at_once=at_once, advance=advance)
        finally:
            await generator.aclose()

    return asyncio.run(run())


def _check_generator(kind: GeneratorKind, rft: RftSection) -> None:
    if kind not in _AT_ONCE:
        raise SettingsError(
            f"generator.kind is {kind.value}, which writes no answers to sample: set llama-cpp or openai."
        )
    if kind is GeneratorKind.OPENAI and rft.rounds > 1:
        raise SettingsError(
            "generator.kind is openai, and its server cannot take up the adapter of the first round: set "
            "rft.rounds=1, serve the new adapter, and sample again."
        )


def _start(sampled: Release, rft: RftSection) -> Path | None:
    """The adapter to train on from; None is the base model."""
    return sampled.adapter.path if rft.from_sampled and sampled.adapter else None


def _train(home: Path, config: RftConfig, gathered: Harvest, path: Path, start: Path | None) -> Run:
    if not gathered.learned:
        raise TrainingDataError(
            f"none of {gathered.samples} sampled answers is right, so there is nothing of its own to learn: "
            "train with `troika finetune sft` first, or lower rft.least_f1."
        )
    write_rows(path, gathered.examples)
    return start_run(home, config.training(), path, start)


def _keep(home: Path, run: Run, held_out: HeldOut | None) -> str:
    fit = None if held_out is None else fit_refusals(home, run, held_out.rows, held_out.most_false)
    return export_run(home, run, refusals=fit).name


def _round(release: Release, gathered: Harvest, path: Path, run: Run, kept: str) -> Round:
    return Round(
        sampled_from=release.name,
        questions=gathered.questions,
        right_share=round(gathered.right_share, 4),
        solved_share=round(gathered.solved_share, 4),
        examples=len(gathered.examples),
        own_words=gathered.learned,
        data=path,
        run=run.folder,
        adapter=kept,
    )
