from __future__ import annotations

import fcntl
import sys
from pathlib import Path

import pytest

from finetune.settings.shared import TrainSection
from finetune.settings.train_config import load_config
from finetune.training.base_model import BaseModel
from finetune.training.job import Job
from finetune.training.launch import LOG, run_worker, training_environment, worker_command
from ingest.errors import SettingsError, TroikaError, UsageError

JOB = Path("runs/sft-1/job.json")


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


def test_the_training_process_gets_the_allocator_and_no_network(tmp_path: Path) -> None:
    environment = training_environment(1, tmp_path)
    assert environment["MALLOC_TRIM_THRESHOLD_"] == str(16 << 30)
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment["TENSORBOARD_LOGGING_DIR"] == str(tmp_path / "tensorboard")


def job_in(output: Path) -> Job:
    return Job(load_config("sft", None), output, BaseModel("tiny@0", output), output, output)


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
    with pytest.raises(TroikaError, match=rf"status 1 .*{LOG}.*--resume"):
        run_worker(job_in(tmp_path))
