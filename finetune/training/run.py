"""A training run: everything is checked here, then a process of its own trains.

The process is its own because its allocator must be set before it starts: glibc's default hands memory
back after each step and faults it in again, which took 1.4 times as long on the machine it was measured on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from finetune.data.row_files import read_examples, read_judged, read_pairs, read_rankings
from finetune.data.rows import Row, rows_sha256
from finetune.settings.train_config import Method, TrainConfig
from finetune.training.base_model import BaseModel, find_base_model
from finetune.training.job import FailedOutcome, Job, Outcome, RunMetrics, read_outcome, write_job
from ingest import errors
from ingest.errors import AdapterRejectedError, MissingExtraError, TrainingDataError, TroikaError
from ingest.optional import is_installed
from ingest.snapshots.durable import replace_text
from service.adapters import CONFIG, Provenance, keep_adapter
from service.prompt import PROMPT_ID
from service.release import GGUF, WEIGHTS, AdapterRecord

RUN = "run.json"

LIBRARIES = ("torch", "transformers", "peft", "trl", "datasets", "gguf", "safetensors")

# glibc: keep freed memory in the heap instead of unmapping it (threshold, trim, top pad; bytes).
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "OMP_WAIT_POLICY": "passive",
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: where its adapter lies, and what it was made from."""

    folder: Path
    method: str
    base: BaseModel
    prompt_id: str
    dataset_sha256: str
    left_out: int
    metrics: RunMetrics
    details: Mapping[str, float]


def start_run(home: Path, config: TrainConfig, data: Path, adapter: Path | None = None) -> Run:
    """Train on the rows in ``data`` and return the finished run.

    Args:
        home: where all state lives.
        config: the run's settings; its method says what ``data`` holds.
        data: rows of the kind that the method learns from, as ``troika finetune data`` writes them.
        adapter: the folder of the adapter to start from; none starts from the base model.

    Raises:
        TrainingDataError: the data is not of that form, or was made for another prompt.
        ModelNotFoundError: the base model is not on this machine.
        AdapterRejectedError: ``adapter`` is no PEFT adapter of this base model.
        TroikaError: what the training process raised.
    """
    _require_libraries()
    base = find_base_model(config.model.name_or_path)
    rows = read_rows(config.method, data)
    if adapter is not None:
        _check_start(adapter, base)
    output = (home / "runs" / f"{config.method}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}").resolve()
    output.mkdir(parents=True)
    job = Job(
        config,
        home.resolve(),
        BaseModel(base.fingerprint, base.source.resolve()),
        data.resolve(),
        output,
        adapter=None if adapter is None else adapter.resolve(),
    )
    outcome = _train(job)
    run = Run(
        folder=output,
        method=config.method,
        base=job.base,
        prompt_id=PROMPT_ID,
        dataset_sha256=rows_sha256(rows),
        left_out=outcome.left_out,
        metrics=outcome.metrics,
        details=outcome.details,
    )
    replace_text(output / RUN, TypeAdapter(Run).dump_json(run, indent=1).decode())
    return run


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
            f"{folder} holds no finished run (no readable {RUN}): train again with `troika finetune sft`."
        ) from error


def export_run(home: Path, run: Run) -> AdapterRecord:
    """Write the run's adapter as GGUF and keep both forms in the registry.

    Raises:
        AdapterRejectedError: a GGUF adapter cannot hold it.
    """
    from finetune.adapters.export import export_gguf

    config = run.folder / CONFIG
    target = run.folder / GGUF
    export_gguf(run.folder / WEIGHTS, config, run.base.checkpoint(home) / "config.json", target)
    provenance = Provenance(run.base.fingerprint, run.prompt_id, run.dataset_sha256)
    files = [run.folder / WEIGHTS, config, target, run.folder / "metrics.json"]
    return keep_adapter(home, run.method, files, provenance)


def training_environment(threads: int | None) -> dict[str, str]:
    """The environment of the training process."""
    package_root = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    environment = {**os.environ, **ALLOCATOR, **QUIET}
    environment["PYTHONPATH"] = package_root + (os.pathsep + inherited if inherited else "")
    environment["OMP_NUM_THREADS"] = str(threads or os.cpu_count() or 1)
    return environment


def _require_libraries() -> None:
    for library in LIBRARIES:
        if not is_installed(library):
            raise MissingExtraError(
                f'{library} is not installed, and training needs it: pip install "troika[train]".'
            )


def _check_start(adapter: Path, base: BaseModel) -> None:
    try:
        config = json.loads((adapter / CONFIG).read_text("utf-8"))
        found = config["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AdapterRejectedError(
            f"{adapter} holds no adapter ({error}): give the folder of a run."
        ) from error
    if found != base.fingerprint or not (adapter / WEIGHTS).is_file():
        raise AdapterRejectedError(
            f"the adapter in {adapter} was trained on {found}, but {base.fingerprint} is to be trained: "
            "set model.name_or_path to its base."
        )


def _train(job: Job) -> Outcome:
    command = [sys.executable, "-m", "finetune.training.worker", str(write_job(job))]
    with (job.output / "worker.log").open("wb") as log:
        finished = subprocess.run(
            command,
            env=training_environment(job.config.train.threads),
            stdin=subprocess.DEVNULL,
            stdout=log,
            check=False,
        )
    outcome = read_outcome(job.output)
    if outcome is None:
        raise TroikaError(
            f"the training process ended with status {finished.returncode} and no result: "
            "give it more memory or a smaller train.per_device_train_batch_size."
        )
    if isinstance(outcome, FailedOutcome):
        kind = getattr(errors, outcome.error, TrainingDataError)
        raise kind(outcome.message)
    return outcome
