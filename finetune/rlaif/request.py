"""What a run of rlaif was asked for, and all that can be checked before anything is sampled."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetune.data.row_files import read_examples, read_pairs
from finetune.data.rows import PreferencePair, TrainingExample, rows_sha256
from finetune.rlaif.constitution import Principle, read_constitution
from finetune.sampling.generator import check_generator, check_kind
from finetune.sampling.plan import SamplingPlan, first_prompts
from finetune.sampling.run_folder import SampledGenerator, check_unchanged, sampled_generator
from finetune.settings.rlaif import RlaifSection
from ingest.errors import StorageError, UsageError
from ingest.settings import Settings
from ingest.snapshots.durable import storage_errors
from service.releases.release import Release, named_release
from service.releases.served import served_release


@dataclass(frozen=True, slots=True)
class RlaifRequest:
    """All that a run needs to be gone on with; ``principles`` are those that its constitution held."""

    method: Literal["rlaif"]
    section: RlaifSection
    principles: tuple[Principle, ...]
    data: Path
    data_sha256: str
    output: Path
    release: str
    generator: SampledGenerator
    labels: Path | None = None
    labels_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class PreparedRlaif:
    """A request that was checked, with what it names."""

    request: RlaifRequest
    examples: tuple[TrainingExample, ...]
    judged_by_people: tuple[PreferencePair, ...]
    release: Release


def prepare_rlaif(
    settings: Settings, section: RlaifSection, data: Path, output: Path, labels: Path | None
) -> PreparedRlaif:
    """Check all that a run needs, without sampling; nothing is written.

    Raises:
        SettingsError: the generator writes nothing, or the constitution is none.
        TrainingDataError: a file is not of its form.
        UsageError, StorageError: ``output`` cannot be written.
        TroikaError: as ``check_generator``.
    """
    check_kind(settings)
    principles = read_constitution(section.constitution)
    return _prepared(settings, section, principles, served_release(settings), (data, output, labels))


def prepare_again(settings: Settings, folder: Path, begun: RlaifRequest) -> PreparedRlaif:
    """Check the run in ``folder`` as when it began.

    Raises:
        RunMismatchError: the data, the labels or the generator are others now.
        TroikaError: as ``prepare_rlaif``.
    """
    check_unchanged(folder, {"the generator": (begun.generator, sampled_generator(settings))})
    release = named_release(settings.home, begun.release)
    paths = (begun.data, begun.output, begun.labels)
    prepared = _prepared(settings, begun.section, begun.principles, release, paths)
    now = prepared.request
    check_unchanged(
        folder,
        {
            f"the rows of {begun.data.name}": (begun.data_sha256, now.data_sha256),
            "the labels": (begun.labels_sha256, now.labels_sha256),
        },
    )
    return prepared


def plan_rlaif(
    settings: Settings, section: RlaifSection, data: Path, output: Path, labels: Path | None
) -> SamplingPlan:
    """Check a run as ``run_rlaif`` does and plan it; the errors are those of ``prepare_rlaif``."""
    prepared = prepare_rlaif(settings, section, data, output, labels)
    return SamplingPlan(
        method="rlaif",
        generator=str(prepared.request.generator),
        release=prepared.release.name,
        questions=len(prepared.examples),
        samples=1,
        rounds=1,
        as_they_are=0,
        compared_with_people=len(prepared.judged_by_people),
        training=None,
        prompts=first_prompts(prepared.examples),
    )


def _prepared(
    settings: Settings,
    section: RlaifSection,
    principles: tuple[Principle, ...],
    release: Release,
    paths: tuple[Path, Path, Path | None],
) -> PreparedRlaif:
    data, output, labels = paths
    _check_output(output)
    examples = read_examples(data)
    judged_by_people = () if labels is None else read_pairs(labels)
    check_generator(settings, release)
    request = RlaifRequest(
        method="rlaif",
        section=section,
        principles=principles,
        data=data.resolve(),
        data_sha256=rows_sha256(examples),
        output=output.resolve(),
        release=release.name,
        generator=sampled_generator(settings),
        labels=None if labels is None else labels.resolve(),
        labels_sha256=None if labels is None else rows_sha256(judged_by_people),
    )
    return PreparedRlaif(request, examples, judged_by_people, release)


def _check_output(output: Path) -> None:
    """Make sure that the pairs can be written, which is done last, after hours of sampling.

    Raises:
        UsageError: ``output`` is no file, or lies below what is no folder.
        StorageError: its folder cannot be written to.
    """
    path = output.resolve()
    with storage_errors(path):  # where a folder may not even be looked into
        is_taken = path.exists() and not path.is_file()
        nearest = next(folder for folder in path.parents if folder.exists())
    if is_taken:
        raise UsageError(
            f"--output is {path}, which is there and no file: name a file to write the pairs to, or to "
            "resume a run move away what is there."
        )
    if not nearest.is_dir():
        raise UsageError(
            f"--output is {path}, and {nearest} is no folder to write in: name a file elsewhere, or to "
            f"resume a run make {nearest} a folder."
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise StorageError(
            f"--output is {path}, and {nearest} cannot be written to: name a file elsewhere, or allow "
            "writing there."
        )
