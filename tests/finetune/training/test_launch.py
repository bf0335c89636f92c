from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from finetune.settings.shared import TrainSection
from finetune.settings.train_config import load_config
from finetune.training.base_model import BaseModel
from finetune.training.job import Job, Outcome, RunMetrics
from finetune.training.launch import (
    LOG,
    processes,
    run_process,
    run_worker,
    training_environment,
    worker_command,
)
from ingest.errors import SettingsError, TroikaError, UsageError

JOB = Path("runs/sft-1/job.json")
METRICS = RunMetrics(1, 1, 1, 1.0, 1.0, 1.0, 1.0, 1.0, stopped_early=False)


def test_one_process_is_started_directly() -> None:
    assert worker_command(JOB, 1, TrainSection()) == [
        sys.executable, "-m", "finetune.training.worker", "runs/sft-1/job.json",
    ]  # fmt: skip


def test_several_processes_are_started_by_accelerate() -> None:
    command = worker_command(JOB, 4, TrainSection(launcher="accelerate"))
    assert command[1:3] == ["-m", "accelerate.commands.launch"]
    assert command[3:6] == ["--num_processes", "4", "--multi_gpu"]
    assert command[-3:] == ["--module", "finetune.training.worker", "runs/sft-1/job.json"]
    assert "--multi_gpu" not in worker_command(JOB, 1, TrainSection(launcher="accelerate"))


def test_a_file_of_accelerate_says_how_to_divide_a_model() -> None:
    train = TrainSection(launcher="accelerate", launcher_config=Path("fsdp.yaml"))
    command = worker_command(JOB, 4, train)
    assert command[3:5] == ["--config_file", "fsdp.yaml"]
    assert "--num_processes" not in command


def test_accelerate_understands_the_command() -> None:
    launch = pytest.importorskip("accelerate.commands.launch")
    command = worker_command(JOB, 2, TrainSection(launcher="accelerate"))
    parsed = launch.launch_command_parser().parse_args(command[3:])
    assert (parsed.num_processes, parsed.multi_gpu, parsed.module) == (2, True, True)
    assert (parsed.training_script, parsed.training_script_args) == (
        "finetune.training.worker",
        ["runs/sft-1/job.json"],
    )


def test_processes_share_no_clock() -> None:
    with pytest.raises(SettingsError, match="max_minutes"):
        load_config("sft", None, ["train.launcher=accelerate", "train.max_minutes=1"])


def test_a_file_for_a_launcher_needs_one() -> None:
    with pytest.raises(SettingsError, match=r"launcher_config.*accelerate"):
        load_config("sft", None, ["train.launcher_config=fsdp.yaml"])


def test_a_file_says_how_many_processes_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.training.machine.gpu_count", lambda: 2)
    path = tmp_path / "fsdp.yaml"
    path.write_text("distributed_type: FSDP\nnum_machines: 2\nnum_processes: 4\n")
    train = TrainSection(launcher="accelerate", launcher_config=path)
    assert processes(train) == 4
    assert processes(TrainSection(launcher="accelerate")) == 2
    assert processes(TrainSection()) == 1
    path.write_text("distributed_type: FSDP\n")
    with pytest.raises(SettingsError, match="num_processes"):
        processes(train)


@pytest.mark.parametrize(
    ("inherited", "seen"),
    [(None, "0"), ("", ""), ("2", "2"), ("GPU-8f2a,GPU-1c3d", "GPU-8f2a"), ("1, 3", "1")],
)
def test_a_process_that_trains_alone_sees_the_first_gpu_only(
    inherited: str | None, seen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if inherited is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", inherited)
    assert training_environment(1, tmp_path, one_gpu=True)["CUDA_VISIBLE_DEVICES"] == seen
    together = training_environment(1, tmp_path, one_gpu=False)
    assert together.get("CUDA_VISIBLE_DEVICES") == inherited


def test_a_launcher_gives_each_process_a_gpu_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    seen: list[str] = []

    def run(_command: Sequence[str], environment: Mapping[str, str], _output: Path) -> Outcome:
        seen.append(environment["CUDA_VISIBLE_DEVICES"])
        return Outcome(METRICS, 0)

    monkeypatch.setattr("finetune.training.launch.run_process", run)
    run_worker(job_in(tmp_path))
    run_worker(job_in(tmp_path, "train.launcher=accelerate"))
    assert seen == ["4", "4,5"]


def test_the_training_process_gets_the_allocator_and_no_network(tmp_path: Path) -> None:
    environment = training_environment(1, tmp_path, one_gpu=True)
    assert environment["MALLOC_TRIM_THRESHOLD_"] == str(16 << 30)
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment["TENSORBOARD_LOGGING_DIR"] == str(tmp_path / "tensorboard")


def job_in(output: Path, *overrides: str) -> Job:
    return Job(load_config("sft", None, overrides), output, BaseModel("tiny@0", output), output, output)


def test_two_processes_never_train_in_the_same_folder(tmp_path: Path) -> None:
    with (tmp_path / LOG).open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another process"):
            run_worker(job_in(tmp_path))


def test_a_process_that_ends_without_a_word_is_an_error_that_names_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outcome.json").write_text('{"error": "UsageError", "message": "of an earlier attempt"}')
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(TroikaError, match=rf"status 1 and .*{LOG}.*--resume") as raised:
        run_worker(job_in(tmp_path))
    assert "memory" not in str(raised.value)


def test_a_process_that_was_killed_is_said_to_have_run_out_of_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    with pytest.raises(TroikaError, match=r"status -9 \(.*memory.*\) and no result"):
        run_process(command, dict(os.environ), tmp_path)
