"""A training run: everything is checked here, then a process of its own trains.

The process is its own because its allocator must be set before it starts: glibc's default hands memory
back after each step and faults it in again, which took 1.4 times as long on the machine it was measured on.

::

    TROIKA_HOME/runs/METHOD-TIME/
        job.json                    what the process was told
        adapter_model.safetensors, adapter_config.json, metrics.json
        run.json                    written last: what the adapter was made from
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter

from finetune.base_model import BaseModel, find_base_model
from finetune.train_config import TrainConfig
from finetune.training_data import read_examples, read_pairs, rows_sha256
from ingest import errors
from ingest.errors import AdapterRejectedError, MissingExtraError, TrainingDataError, TroikaError
from ingest.optional import is_installed
from ingest.snapshots.durable import replace_text
from service.adapters import CONFIG, Provenance, keep_adapter
from service.prompt import PROMPT_ID
from service.release import GGUF, WEIGHTS, AdapterRecord

JOB = "job.json"
RUN = "run.json"
OUTCOME = "outcome.json"

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
class Job:
    """What the training process is told."""

    config: TrainConfig
    home: Path
    base_fingerprint: str
    base_source: Path
    data: Path
    adapter: Path | None
    output: Path


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: where its adapter lies, and what it was made from."""

    folder: Path
    method: str
    base_fingerprint: str
    base_source: Path
    prompt_id: str
    dataset_sha256: str
    left_out: int
    metrics: Mapping[str, float]


def start_run(home: Path, config: TrainConfig, data: Path, adapter: Path | None = None) -> Run:
    """Train on the rows in ``data`` and return the finished run.

    Args:
        home: where all state lives.
        config: the run's settings; its method says what ``data`` holds.
        data: examples (sft) or preference pairs (dpo), as ``troika finetune data build`` writes them.
        adapter: the folder of the adapter to start from; dpo only.

    Raises:
        TrainingDataError: the data is not of that form, or was made for another prompt.
        ModelNotFoundError: the base model is not on this machine.
        AdapterRejectedError: ``adapter`` is no PEFT adapter of this base model.
        TroikaError: what the training process raised.
    """
    _require_libraries()
    base = find_base_model(config.model.name_or_path)
    rows = read_examples(data) if config.method == "sft" else read_pairs(data)
    if adapter is not None:
        _check_start(adapter, base)
        adapter = adapter.resolve()
    output = home / "runs" / f"{config.method}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    output.mkdir(parents=True)
    job = Job(
        config,
        home.resolve(),
        base.fingerprint,
        base.source.resolve(),
        data.resolve(),
        adapter,
        output.resolve(),
    )
    replace_text(output / JOB, TypeAdapter(Job).dump_json(job, indent=1).decode())
    outcome = _train(output, config.train.threads)
    run = Run(
        folder=output.resolve(),
        method=config.method,
        base_fingerprint=base.fingerprint,
        base_source=base.source.resolve(),
        prompt_id=PROMPT_ID,
        dataset_sha256=rows_sha256(rows),
        left_out=int(outcome["left_out"]),
        metrics=outcome["metrics"],
    )
    replace_text(output / RUN, TypeAdapter(Run).dump_json(run, indent=1).decode())
    return run


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
    from finetune.export import export_gguf

    base = BaseModel(run.base_fingerprint, run.base_source)
    config = run.folder / CONFIG
    target = run.folder / GGUF
    export_gguf(run.folder / WEIGHTS, config, base.checkpoint(home) / "config.json", target)
    provenance = Provenance(run.base_fingerprint, run.prompt_id, run.dataset_sha256)
    files = [run.folder / WEIGHTS, config, target, run.folder / "metrics.json"]
    return keep_adapter(home, run.method, files, provenance)


def read_job(path: Path) -> Job:
    """What ``start_run`` wrote for the training process."""
    return TypeAdapter(Job).validate_json(path.read_bytes())


def training_environment(threads: int | None) -> dict[str, str]:
    """The environment of the training process."""
    package_root = str(Path(__file__).resolve().parents[1])
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


def _train(output: Path, threads: int | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "finetune.worker", str(output.resolve() / JOB)]
    log = output / "worker.log"
    with log.open("wb") as stdout:
        finished = subprocess.run(
            command,
            env=training_environment(threads),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            check=False,
        )
    try:
        outcome = cast("dict[str, Any]", json.loads((output / OUTCOME).read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise TroikaError(
            f"the training process ended with status {finished.returncode} and no result: "
            "give it more memory or a smaller train.per_device_train_batch_size."
        ) from error
    if "error" in outcome:
        kind = getattr(errors, str(outcome["error"]), TrainingDataError)
        raise kind(str(outcome["message"]))
    return outcome
