"""What the training process of an encoder is told, and how it is started.

::

    TROIKA_HOME/runs/embedder-TIME/      or reranker-TIME
        job.json, rows.jsonl        what the process was told
        checkpoint-STEP/            the state that a killed run goes on from
        model/                      the trained model, until it is kept under TROIKA_HOME/models
        metrics.json, loss.svg, outcome.json, worker.log, tensorboard/    as in ``finetune.training.job``
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from finetune.encoders.rows import EncoderRow, read_rows, rows_sha256, write_rows
from finetune.settings.encoders import EmbedderConfig, RerankerConfig
from finetune.training.job import JOB, ROWS, Outcome
from finetune.training.launch import run_process, training_environment
from ingest.errors import TrainingDataError, UsageError
from ingest.snapshots.durable import replace_text

WORKER = "finetune.encoders.worker"

AnyConfig = Annotated[EmbedderConfig | RerankerConfig, Field(discriminator="method")]


@dataclass(frozen=True, slots=True)
class Probe:
    """A text, and its vector by the embedder that serves: training has to start there."""

    text: str
    vector: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EncoderJob:
    """One run, all paths absolute: the model in the folder ``base`` is trained on the rows in ``output``.

    ``window`` is the longest input in tokens, specials included.
    """

    config: AnyConfig
    base: Path
    window: int
    output: Path
    probe: Probe | None = None

    @property
    def rows(self) -> tuple[EncoderRow, ...]:
        return read_rows(self.output / ROWS)


def new_run(home: Path, method: str) -> Path:
    """The folder of a new run, made empty."""
    output = (home / "runs" / f"{method}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}").resolve()
    output.mkdir(parents=True)
    return output


def start_job(job: EncoderJob, rows: tuple[EncoderRow, ...]) -> Outcome:
    """Train in a process of its own, from the last checkpoint if ``job.output`` is that of an earlier run.

    Raises:
        TrainingDataError: the earlier run was on other rows, with other settings or from another model.
        UsageError: another process is at work in the folder.
        TroikaError: what the training process raised.
    """
    path = job.output / JOB
    if path.is_file():
        _require_same(job, rows)
    else:
        write_rows(job.output / ROWS, rows)
        replace_text(path, TypeAdapter(EncoderJob).dump_json(job, indent=1).decode())
    environment = training_environment(job.config.train.threads, job.output, one_gpu=True)
    return run_process([sys.executable, "-m", WORKER, str(path)], environment, job.output)


def read_job(path: Path) -> EncoderJob:
    """The job in the file ``path``.

    Raises:
        UsageError: it is none.
    """
    try:
        return TypeAdapter(EncoderJob).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(
            f"{path.parent} holds no run of an embedder or reranker (no readable {JOB}): name a run's folder "
            "below TROIKA_HOME/runs, or start a new run without --resume."
        ) from error


def require_begun(folder: Path, method: str) -> None:
    """Make sure that ``folder`` holds a run of ``method``, which can be gone on with.

    Raises:
        UsageError: it holds none, or one of another method.
    """
    begun = read_job(folder / JOB).config.method
    if begun != method:
        raise UsageError(
            f"{folder} holds a run of {begun}, and one of {method} was expected: go on with it by "
            f"`troika finetune {begun}`, or name another run's folder."
        )


def _require_same(job: EncoderJob, rows: tuple[EncoderRow, ...]) -> None:
    before = read_job(job.output / JOB)
    is_same = (before.config, before.base, before.window) == (job.config, job.base, job.window)
    if not is_same or rows_sha256(before.rows) != rows_sha256(rows):
        raise TrainingDataError(
            f"the run in {job.output} began with other labels, settings or another model: give those again, "
            "or start a new run."
        )
