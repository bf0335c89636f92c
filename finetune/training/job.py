"""What the training process is told, and what it answers: the only words between it and the one that waits.

::

    TROIKA_HOME/runs/METHOD-TIME/
        job.json, rows.jsonl        what the process was told, and the rows it learns from
        started_from.json           the weights that it began with
        checkpoint-STEP/            the state that a killed run goes on from, see ``saved_state``
        tensorboard/, worker.log    what it told while it trained
        adapter_model.safetensors, adapter_config.json, or for full fine-tuning model/
        metrics.json, loss.svg      the loss curve
        outcome.json                how it ended: the metrics, or the error
        run.json                    written last: what came of it, and what it was made from
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from finetune.settings.train_config import TrainConfig
from finetune.training.base_model import BaseModel
from ingest.snapshots.durable import replace_text

JOB = "job.json"
ROWS = "rows.jsonl"
OUTCOME = "outcome.json"
METRICS = "metrics.json"
LOSS_CURVE = "loss.svg"
MODEL = "model"


@dataclass(frozen=True, slots=True)
class Job:
    """One training run, all paths absolute.

    ``adapter`` is the folder of the adapter to start from; ``reward_model`` that of a run of ``rm``, for
    methods that learn from one. ``dataset_sha256`` is of the rows: a run goes on with the same or not at all.
    ``data`` is the run's own copy of those in the file ``rows_from``; a run from before there were copies has
    that file as its ``data``, and None.
    A method goes on from the last checkpoint in ``output``; that of a new run has none.
    """

    config: TrainConfig
    home: Path
    base: BaseModel
    data: Path
    output: Path
    adapter: Path | None = None
    reward_model: Path | None = None
    dataset_sha256: str = ""
    rows_from: Path | None = None


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """How a run went. ``tokens`` counts prompt and answer tokens, without padding.

    ``computed_tokens`` are those that a packed run put through the model, where a beginning that rows share
    counts once; None where nothing was packed.
    ``first_loss`` and ``last_loss`` are means over the first and the last tenth of the steps.
    """

    rows: int
    steps: int
    tokens: int
    seconds: float
    tokens_per_second: float
    peak_memory_mb: float
    first_loss: float
    last_loss: float
    stopped_early: bool
    computed_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a method returns: how it went, how many rows were too long, and figures of the method's own."""

    metrics: RunMetrics
    left_out: int
    details: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class FailedOutcome:
    """Why a run failed: the class of the error in ``ingest.errors``, and its sentence."""

    error: str
    message: str


def writes_files() -> bool:
    """Whether this is the first, or the only, of the processes that train together."""
    return os.environ.get("RANK", "0") == "0"


def write_job(job: Job) -> Path:
    """Write the job into its output folder; returns the file."""
    path = job.output / JOB
    replace_text(path, TypeAdapter(Job).dump_json(job, indent=1).decode())
    return path


def read_job(path: Path) -> Job:
    """What ``write_job`` wrote."""
    return TypeAdapter(Job).validate_json(path.read_bytes())


def write_outcome(output: Path, outcome: Outcome | FailedOutcome) -> None:
    """Leave the outcome for the process that waits."""
    text = TypeAdapter(Outcome | FailedOutcome).dump_json(outcome, indent=1).decode()
    replace_text(output / OUTCOME, text)


def read_outcome(output: Path) -> Outcome | FailedOutcome | None:
    """What ``write_outcome`` wrote; None when the process ended without a word."""
    try:
        return TypeAdapter(Outcome | FailedOutcome).validate_json((output / OUTCOME).read_bytes())
    except (OSError, ValueError):
        return None
