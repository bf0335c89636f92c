"""What a run of rft was asked for, and all that can be checked before anything is sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune.data.check_leaks import asked_in
from finetune.data.row_files import read_examples
from finetune.data.rows import ExampleKind, TrainingExample, rows_sha256
from finetune.rewards.verifiable import is_verifiable
from finetune.sampling.generator import check_generator, check_kind, sampled_base
from finetune.sampling.run_folder import SampledGenerator, check_unchanged, sampled_generator
from finetune.settings.rft import RftConfig
from finetune.training.run import prepare_run
from ingest.choices import GeneratorKind
from ingest.errors import SettingsError, TrainingDataError
from ingest.settings import Settings
from service.releases.release import Release, named_release
from service.releases.served import served_release


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Rows that nothing is trained on, by which each round's adapter is told how readily to refuse; see
    ``fit_refusals``."""

    rows: Path
    most_false: float


@dataclass(frozen=True, slots=True)
class RftRequest:
    """All that a run needs to be gone on with; ``release`` is sampled in the first round."""

    config: RftConfig
    data: Path
    data_sha256: str
    release: str
    generator: SampledGenerator
    held_out: HeldOut | None = None
    held_out_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class PreparedRft:
    """A request that was checked, with what it names."""

    request: RftRequest
    examples: tuple[TrainingExample, ...]
    release: Release


def prepare_rft(
    settings: Settings, config: RftConfig, data: Path, adapter: str | None, held_out: HeldOut | None
) -> PreparedRft:
    """Check all that a run needs, without sampling; nothing is written.

    Raises:
        TrainingDataError: the data is not of that form, no rule can judge it, or the held-out rows are of no
            use for it.
        SettingsError: the generator cannot be sampled, or not for so many rounds.
        TroikaError: about the adapter and the models, as ``check_generator`` and ``prepare_run``.
    """
    _check_rounds(settings, config.rft.rounds)
    examples = read_examples(data)
    if not any(map(is_verifiable, examples)):
        raise TrainingDataError(
            f"none of the {len(examples)} examples in {data} has accepted answers or is a refusal, so no "
            "rule can judge a sampled answer: make them with `troika finetune data build`."
        )
    held = () if held_out is None else _held_out_rows(held_out, examples, data)
    release = served_release(settings) if adapter is None else named_release(settings.home, adapter)
    check_generator(settings, release)
    trained = prepare_run(config.training(), data, start_of(release, config), None).base.fingerprint
    if config.rft.rounds > 1 and trained != (sampled := sampled_base(settings)):
        raise SettingsError(
            f"the adapter of the first round is trained on {trained}, and the second samples {sampled}, "
            "which cannot take it up: name the same model as model.name_or_path and generator.model."
        )
    request = RftRequest(
        config=config,
        data=data.resolve(),
        data_sha256=rows_sha256(examples),
        release=release.name,
        generator=sampled_generator(settings),
        held_out=None if held_out is None else HeldOut(held_out.rows.resolve(), held_out.most_false),
        held_out_sha256=rows_sha256(held) if held else None,
    )
    return PreparedRft(request, examples, release)


def prepare_again(settings: Settings, folder: Path, begun: RftRequest) -> PreparedRft:
    """Check the run in ``folder`` as when it began.

    Raises:
        RunMismatchError: the data, the held-out rows or the generator are others now.
        TroikaError: as ``prepare_rft``.
    """
    held = begun.held_out
    held_out_sha256 = None if held is None else rows_sha256(read_examples(held.rows))
    check_unchanged(
        folder,
        {
            "the generator": (begun.generator, sampled_generator(settings)),
            f"the rows of {begun.data.name}": (begun.data_sha256, rows_sha256(read_examples(begun.data))),
            "the held-out rows": (begun.held_out_sha256, held_out_sha256),
        },
    )
    return prepare_rft(settings, begun.config, begun.data, begun.release, held)


def start_of(sampled: Release, config: RftConfig) -> Path | None:
    """The adapter to train on from; None is the base model."""
    return sampled.adapter.path if config.rft.from_sampled and sampled.adapter else None


def _check_rounds(settings: Settings, rounds: int) -> None:
    check_kind(settings)
    if settings.generator.kind is GeneratorKind.OPENAI and rounds > 1:
        raise SettingsError(
            f"rft.rounds is {rounds} and generator.kind openai, a server that is not ours to start again "
            "with the adapter of the round before: set generator.kind=vllm, which is, or rft.rounds=1, serve "
            "the new adapter, and sample again."
        )


def _held_out_rows(
    held_out: HeldOut, examples: Sequence[TrainingExample], data: Path
) -> tuple[TrainingExample, ...]:
    """The held-out rows, once the fit that comes after the long work has what it needs."""
    rows = read_examples(held_out.rows)
    asked = {asked_in(example) for example in examples}
    fitted = [row for row in rows if row.kind is not ExampleKind.REPLAY]
    refusals = sum(row.kind is ExampleKind.REFUSAL for row in fitted)
    if not 0 < refusals < len(fitted):
        raise TrainingDataError(
            f"{len(fitted) - refusals} rows of {held_out.rows} can be answered and {refusals} cannot: "
            "expected some of both."
        )
    both = sum(asked_in(row) in asked for row in fitted)
    if both:
        raise TrainingDataError(
            f"{both} of {len(fitted)} rows in {held_out.rows} are in {data} as well: hold out rows that are "
            "not trained on (`data build --valid-share`)."
        )
    return rows
