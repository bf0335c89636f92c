"""The training process: its command, its environment, and what it leaves.

It is a process of its own because its allocator must be set before it starts: glibc's default hands memory
back after each step and faults it in again, which took 1.4 times as long on the machine it was measured on.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from finetune.settings.read import read_file
from finetune.settings.shared import TrainSection
from finetune.training.job import OUTCOME, FailedOutcome, Job, Outcome, read_outcome, write_job
from ingest import errors
from ingest.errors import SettingsError, TrainingDataError, TroikaError, UsageError

LOG = "worker.log"
WORKER = "finetune.training.worker"

# glibc: keep freed memory in the heap instead of unmapping it (threshold, trim, top pad; bytes).
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "OMP_WAIT_POLICY": "passive",
    "PYTHONWARNINGS": "ignore",
}
_PROJECT = "troika"
_GPUS = "CUDA_VISIBLE_DEVICES"


def run_worker(job: Job) -> Outcome:
    """Do ``job`` in a process of its own, and wait for it; the errors are those of ``run_process``."""
    train = job.config.train
    command = worker_command(write_job(job), processes(train), train)
    environment = training_environment(train.threads, job.output, one_gpu=train.launcher == "none")
    return run_process(command, environment, job.output)


def run_process(command: Sequence[str], environment: Mapping[str, str], output: Path) -> Outcome:
    """Run a command that trains in ``output`` and leaves its outcome there, and wait for it.

    Raises:
        UsageError: another process is at work in the same folder.
        TroikaError: what the training process raised, or that it ended without a word.
    """
    log = output / LOG
    with log.open("ab") as stdout:
        _lock(stdout.fileno(), output)
        (output / OUTCOME).unlink(missing_ok=True)
        finished = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            check=False,
        )
    outcome = read_outcome(output)
    if outcome is None:
        killed = " (killed: the system had no memory left)" if finished.returncode == -signal.SIGKILL else ""
        raise TroikaError(
            f"the training process ended with status {finished.returncode}{killed} and no result: see {log}, "
            f"and go on with --resume {output}."
        )
    if isinstance(outcome, FailedOutcome):
        kind = getattr(errors, outcome.error, TrainingDataError)
        raise kind(outcome.message)
    return outcome


def processes(train: TrainSection) -> int:
    """How many processes train together: with a launcher as its file says, or one for each GPU.

    Raises:
        SettingsError: the launcher's file cannot be read, or does not say.
    """
    if train.launcher == "none":
        return 1
    if train.launcher_config is not None:
        return _processes_in(train.launcher_config)
    from finetune.training.machine import gpu_count

    return max(1, gpu_count())


def worker_command(job: Path, count: int, train: TrainSection) -> list[str]:
    """The command that does the job in the file ``job`` in ``count`` processes."""
    if train.launcher == "none":
        return [sys.executable, "-m", WORKER, str(job)]
    how = ["--num_processes", str(count), *(["--multi_gpu"] if count > 1 else [])]
    # The precision is the trainer's matter; said here, it keeps accelerate from warning of its defaults.
    how += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    if train.launcher_config is not None:
        how = ["--config_file", str(train.launcher_config)]
    return [sys.executable, "-m", "accelerate.commands.launch", *how, "--module", WORKER, str(job)]


def training_environment(threads: int | None, output: Path, *, one_gpu: bool) -> dict[str, str]:
    """The environment of a training process; its curves for TensorBoard go into ``output``.

    With ``one_gpu`` it sees the first of the GPUs only: transformers would run a process that sees several on
    all of them at once, with batches as many times as large, which TRL refuses.
    """
    package_root = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    environment = {**os.environ, **ALLOCATOR, **QUIET}
    environment["PYTHONPATH"] = package_root + (os.pathsep + inherited if inherited else "")
    environment["OMP_NUM_THREADS"] = str(threads or os.cpu_count() or 1)
    environment.setdefault("MLFLOW_EXPERIMENT_NAME", _PROJECT)
    environment.setdefault("WANDB_PROJECT", _PROJECT)
    environment.setdefault("WANDB_ERROR_REPORTING", "false")
    environment["TENSORBOARD_LOGGING_DIR"] = str(output / "tensorboard")
    environment["WANDB_DIR"] = str(output)
    if one_gpu:
        environment[_GPUS] = os.environ.get(_GPUS, "0").partition(",")[0].strip()
    return environment


def _processes_in(launcher_config: Path) -> int:
    count = read_file(launcher_config).get("num_processes")
    if not isinstance(count, int) or count < 1:
        raise SettingsError(
            f"{launcher_config} says num_processes: {count!r}: expected how many train together, as "
            "`accelerate config` writes it."
        )
    return count


def _lock(descriptor: int, output: Path) -> None:
    # The training process inherits the open file, so the lock holds as long as it lives, even if this
    # process is killed before it.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(
            f"another process is training in {output}: wait until it is done, or end it first."
        ) from None
