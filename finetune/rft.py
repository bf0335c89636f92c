"""Rejection sampling: the model answers, rules check, and it learns from its own right answers (Yuan et al.,
2023, "Scaling relationship on learning mathematical reasoning with large language models").

Each round samples from the generator that serves, with the adapter of the round before, and trains a new
adapter, on the base model or from the one that was sampled. Small instruct models learn more from right
answers in their own words than from those that others wrote. What a run keeps is drawn in
``finetune.sampling.run_folder``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from finetune.adapters.export import export_run
from finetune.adapters.refusals import fit_refusals
from finetune.data.row_files import write_rows
from finetune.data.rows import rows_sha256
from finetune.sampling.acceptance import Harvest, harvest
from finetune.sampling.gather import gather
from finetune.sampling.rft_request import (
    HeldOut,
    PreparedRft,
    RftRequest,
    prepare_again,
    prepare_rft,
    start_of,
)
from finetune.sampling.run_folder import REQUEST, new_folder, read_record, read_request, write_record
from finetune.settings.rft import RftConfig
from finetune.settings.train_config import TrainConfig
from finetune.training.job import JOB, read_job
from finetune.training.run import RUN, Run, read_run, resume_run, start_run
from ingest.errors import TrainingDataError, UsageError
from ingest.settings import Settings
from service.releases.release import Release, named_release

Say = Callable[[str], None]


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
    say: Say = lambda _: None,
) -> list[Round]:
    """Sample, check and train, as many rounds as the configuration says; returns what each did.

    Args:
        settings: of the service; its generator is sampled.
        config: of the sampling and the training.
        data: examples whose answers rules can check, as ``troika finetune data build`` writes them.
        adapter: a kept adapter to sample the first round from; None takes what is served.
        held_out: to fit how readily the new adapters refuse; None leaves them as they come.
        say: is told what happens, and first the folder that ``resume_rft`` goes on with.

    Raises:
        TrainingDataError: the data is not of that form, or nothing is left to learn.
        SettingsError: the generator cannot be sampled, or cannot take up a new adapter for a second round.
        TroikaError: what sampling and training raise.
    """
    prepared = prepare_rft(settings, config, data, adapter, held_out)
    folder = new_folder(settings.home, "rft")
    write_record(folder / REQUEST, prepared.request)
    say(f"if it is broken off, it goes on with --resume {folder}")
    return _rounds(settings, folder, prepared, say)


def resume_rft(settings: Settings, folder: Path, *, say: Say = lambda _: None) -> list[Round]:
    """Go on with a run that was killed or failed, behind the last answers that it kept.

    Raises:
        UsageError: ``folder`` holds no run of rft, or one that is finished or still going on.
        RunMismatchError: the data or the generator are others than when it began.
        TroikaError: as ``run_rft``.
    """
    folder = folder.resolve()
    begun = read_request(folder, RftRequest, "rft")
    if _done(folder, begun.config.rft.rounds) is not None:
        raise UsageError(f"the run in {folder} is finished, there is nothing to resume: start a new one.")
    return _rounds(settings, folder, prepare_again(settings, folder, begun), say)


def _rounds(settings: Settings, folder: Path, prepared: PreparedRft, say: Say) -> list[Round]:
    rounds: list[Round] = []
    release = prepared.release
    for number in range(1, prepared.request.config.rft.rounds + 1):
        done = _done(folder, number) or _round(settings, folder, prepared, release, number, say)
        rounds.append(done)
        release = named_release(settings.home, done.adapter)
    return rounds


def _done(folder: Path, number: int) -> Round | None:
    """The round ``number`` of the run in ``folder``; None when it is not finished."""
    try:
        return read_record(folder / f"round{number}.json", Round)
    except (OSError, ValidationError):
        return None


def _round(
    settings: Settings, folder: Path, prepared: PreparedRft, release: Release, number: int, say: Say
) -> Round:
    config, examples = prepared.request.config, prepared.examples
    answers = gather(settings, release, examples, config.rft, folder / f"round{number}.samples.jsonl")
    gathered = harvest(examples, answers, config.rft, seed=config.train.seed)
    say(
        f"round {number}: {gathered.accepted} of {gathered.samples} answers of {release.name} are right, "
        f"{gathered.solved} of {gathered.questions} questions solved"
    )
    path = folder / f"round{number}.jsonl"
    run = _train(settings.home, config.training(), gathered, path, start_of(release, config))
    kept = _keep(settings.home, run, prepared.request.held_out)
    done = Round(
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
    write_record(folder / f"round{number}.json", done)
    return done


def _train(home: Path, config: TrainConfig, gathered: Harvest, path: Path, start: Path | None) -> Run:
    """Train on what was gathered, or go on with that training where it was begun."""
    if not gathered.learned:
        raise TrainingDataError(
            f"none of {gathered.samples} sampled answers is right, so there is nothing of its own to learn: "
            "train with `troika finetune sft` first, or lower rft.least_f1."
        )
    begun = _begun_training(home, path, rows_sha256(gathered.examples))
    if begun is None:
        write_rows(path, gathered.examples)
        return start_run(home, config, path, start)
    return read_run(begun) if (begun / RUN).is_file() else resume_run("sft", begun)


def _begun_training(home: Path, rows: Path, sha256: str) -> Path | None:
    """The folder of the training on the file ``rows``, which no other run has; None before it began."""
    for folder in sorted((home / "runs").glob("sft-*"), reverse=True):
        try:
            job = read_job(folder / JOB)
        except (OSError, ValidationError):
            continue
        if job.rows_from == rows and job.dataset_sha256 == sha256:
            return folder
    return None


def _keep(home: Path, run: Run, held_out: HeldOut | None) -> str:
    fit = None if held_out is None else fit_refusals(home, run, held_out.rows, held_out.most_false)
    return export_run(home, run, refusals=fit).name
