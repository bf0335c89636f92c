"""A training run: everything is checked here, then a process of its own trains.

With ``train.launcher=accelerate`` there is one for each GPU, with a copy of the model on each. To divide a
model among GPUs (FSDP), or to train on several machines, give the file that ``accelerate config`` writes as
``train.launcher_config``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from finetune.data.row_files import read_examples, read_judged, read_pairs, read_rankings, write_rows
from finetune.data.rows import Row, rows_sha256
from finetune.settings.section import with_set
from finetune.settings.train_config import Method, TrainConfig
from finetune.training.adapter_shape import adapter_shape
from finetune.training.base_model import BaseModel, find_base_model
from finetune.training.checks import LIBRARIES, check_adapter, check_batch, check_chat_template, check_machine
from finetune.training.job import JOB, ROWS, Job, Outcome, RunMetrics, read_job, read_outcome
from finetune.training.launch import processes, run_worker
from finetune.training.started_from import (
    StartedFrom,
    read_started_from,
    require_unchanged,
    started_from,
    write_started_from,
)
from ingest.errors import AdapterRejectedError, TrainingDataError, UsageError
from ingest.snapshots.durable import replace_text
from service.prompt import PROMPT_ID

RUN = "run.json"


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: where its adapter lies, and what it was made from.

    ``dataset_sha256`` is of the rows in ``data``, which are a copy of those in ``rows_from``, see ``Job``;
    ``adapter_sha256`` of the adapter that it started from, and ``reward_model_sha256`` of the reward model
    that it learned from, both as they were when it began. ``details`` are figures of the method's own.
    ``libraries`` are the versions of those that trained.
    """

    folder: Path
    method: Method
    base: BaseModel
    prompt_id: str
    dataset_sha256: str
    left_out: int
    metrics: RunMetrics
    details: Mapping[str, float]
    config: TrainConfig
    data: Path
    adapter_sha256: str | None
    libraries: Mapping[str, str]
    reward_model_sha256: str | None = None
    rows_from: Path | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run needs, found and checked; ``config`` has the shape of the adapter that is trained."""

    base: BaseModel
    rows: Sequence[Row]
    config: TrainConfig
    start: StartedFrom


def start_run(
    home: Path,
    config: TrainConfig,
    data: Path,
    adapter: Path | None = None,
    reward_model: Path | None = None,
) -> Run:
    """Train on the rows in ``data`` and return the finished run.

    Args:
        home: where all state lives.
        config: the run's settings; its method says what ``data`` holds.
        data: rows of the kind that the method learns from, as ``troika finetune data`` writes them.
        adapter: the folder of the adapter to start from; none starts from the base model.
        reward_model: the folder of a run of ``rm``, for a method that learns from one.

    Raises:
        TrainingDataError: the data is not of that form, too little, or was made for another prompt.
        ModelNotFoundError: the base model is not on this machine, or has no chat template.
        AdapterRejectedError: ``adapter`` is no PEFT adapter of this base model, or ``reward_model`` no run.
        UsageError: there is an ``adapter``, and the whole model is to be trained.
        MissingExtraError, SettingsError: the machine has not what the settings ask for; ``lora`` names a
            layer that the base has not, or asks for another shape than that of ``adapter``.
        StorageError: the disk is full; the run can be resumed.
        TroikaError: what the training process raised.
    """
    prepared = prepare_run(config, data, adapter, reward_model)
    output = (home / "runs" / f"{config.method}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}").resolve()
    output.mkdir(parents=True)
    job = Job(
        prepared.config,
        home.resolve(),
        BaseModel(prepared.base.fingerprint, prepared.base.source.resolve()),
        output / ROWS,
        output,
        adapter=None if adapter is None else adapter.resolve(),
        reward_model=None if reward_model is None else reward_model.resolve(),
        dataset_sha256=rows_sha256(prepared.rows),
        rows_from=data.resolve(),
    )
    write_rows(job.data, prepared.rows)
    write_started_from(output, prepared.start)
    return _finish(job, run_worker(job), prepared.start)


def resume_run(method: Method, folder: Path) -> Run:
    """Go on with a run that was killed, failed or stopped early, from its last checkpoint.

    Raises:
        UsageError: ``folder`` holds no run of this method, or one that is finished or still going on.
        TrainingDataError: the rows are not those that it started with.
        AdapterRejectedError: the adapter or the reward model is not that which it started with.
        TroikaError: as ``start_run``.
    """
    job = _job_in(folder, method)
    prepared = prepare_run(job.config, job.data, job.adapter, job.reward_model)
    job = replace(job, config=prepared.config)
    if rows_sha256(prepared.rows) != job.dataset_sha256 or prepared.base.fingerprint != job.base.fingerprint:
        raise TrainingDataError(
            f"{job.data} or the base model has changed since the run in {folder} began: "
            "put it back as it was, or start a new run."
        )
    if (folder / RUN).is_file() and not read_run(folder).metrics.stopped_early:
        raise UsageError(f"the run in {folder} is finished, there is nothing to resume: start a new one.")
    start = read_started_from(folder) or prepared.start
    outcome = read_outcome(job.output)
    # The process that waited may have been killed, and not the one that trained.
    if isinstance(outcome, Outcome) and not outcome.metrics.stopped_early:
        return _finish(job, outcome, start)
    require_unchanged(folder, start, prepared.start)
    return _finish(job, run_worker(job), start)


def prepare_run(config: TrainConfig, data: Path, adapter: Path | None, reward_model: Path | None) -> Prepared:
    """Check all that a run needs; the errors are those of ``start_run``."""
    check_machine(config.train)
    base = find_base_model(config.model.name_or_path)
    check_chat_template(base)
    rows = read_rows(config.method, data)
    check_batch(config, rows, processes(config.train))
    if adapter is not None:
        if config.train.finetuning == "full":
            raise UsageError(
                "train.finetuning is full, which changes the base itself and no adapter: leave --adapter "
                "out, or set train.finetuning to lora."
            )
        check_adapter(adapter, base)
    if reward_model is not None:
        judge = read_run(reward_model)
        if judge.method != "rm" or judge.base.fingerprint != base.fingerprint:
            raise AdapterRejectedError(
                f"{reward_model} is a run of {judge.method} on {judge.base.fingerprint}: "
                f"name the folder of a run of `troika finetune rm` on {base.fingerprint}."
            )
    if config.train.finetuning != "full":
        config = config.model_copy(update={"lora": adapter_shape(config.lora, base, adapter)})
    return Prepared(base, rows, config, started_from(adapter, reward_model))


def read_rows(method: Method, data: Path) -> Sequence[Row]:
    """The rows that ``method`` learns from.

    Raises:
        TrainingDataError: the file holds rows of another kind, or of another prompt.
    """
    match method:
        case "sft" | "ppo" | "rloo" | "grpo":
            return read_examples(data)
        case "dpo":
            return read_pairs(data)
        case "kto":
            return read_judged(data)
        case "rm":
            return read_rankings(data)


def read_run(folder: Path) -> Run:
    """A finished run by its folder.

    Raises:
        AdapterRejectedError: the folder holds no finished run.
    """
    try:
        return TypeAdapter(Run).validate_json((folder / RUN).read_bytes())
    except (OSError, ValueError) as error:
        raise AdapterRejectedError(
            f"{folder} holds no finished run (no readable {RUN}): go on with --resume {folder}."
        ) from error


def run_json(run: Run) -> str:
    """The run as a JSON document, as ``run.json`` holds it."""
    return TypeAdapter(Run).dump_json(run, indent=1).decode()


def _job_in(folder: Path, method: Method) -> Job:
    try:
        job = read_job(folder / JOB)
    except (OSError, ValidationError) as error:
        raise UsageError(
            f"{folder} holds no run (no readable {JOB}): name the folder that the run told when it began."
        ) from error
    if job.config.method != method:
        raise UsageError(
            f"the run in {folder} is of {job.config.method}, not {method}: resume it with its own command."
        )
    # What was read back counts as asked for, and a run from before may have gone on in another shape.
    lora = with_set(job.config.lora, ())
    return replace(job, config=job.config.model_copy(update={"lora": lora}))


def _finish(job: Job, outcome: Outcome, start: StartedFrom) -> Run:
    run = Run(
        folder=job.output,
        method=job.config.method,
        base=job.base,
        prompt_id=PROMPT_ID,
        dataset_sha256=job.dataset_sha256,
        left_out=outcome.left_out,
        metrics=outcome.metrics,
        details=outcome.details,
        config=job.config,
        data=job.data,
        adapter_sha256=start.adapter_sha256,
        libraries={name: metadata.version(name) for name in LIBRARIES},
        reward_model_sha256=start.reward_model_sha256,
        rows_from=job.rows_from,
    )
    replace_text(job.output / RUN, run_json(run))
    return run
