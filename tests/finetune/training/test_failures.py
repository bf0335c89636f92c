from __future__ import annotations

import errno
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from finetune.training.failures import failure_of
from ingest.errors import StorageError, TrainingDataError
from tests.finetune.sft_runs import limited_files

OUTPUT = Path("runs/sft-1")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"),
    ],
)
def test_a_full_disk_is_told_with_the_way_to_go_on(error: Exception) -> None:
    failure = failure_of(error, OUTPUT)
    assert isinstance(failure, StorageError)
    assert str(failure).endswith("--resume runs/sft-1.")


def test_a_full_disk_is_recognised_in_what_safetensors_raises(tmp_path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with limited_files(100), pytest.raises(SafetensorError) as raised:
        save_file({"a": torch.zeros(1000)}, tmp_path / "a.safetensors")
    assert isinstance(failure_of(raised.value, OUTPUT), StorageError)


def test_too_little_memory_is_told_with_what_to_lower() -> None:
    for error in (torch.OutOfMemoryError("CUDA out of memory"), MemoryError()):
        assert "per_device_train_batch_size" in str(failure_of(error, OUTPUT))


def test_errors_on_purpose_pass_and_defects_are_no_errors_of_the_user() -> None:
    on_purpose = TrainingDataError("three rows")
    assert failure_of(on_purpose, OUTPUT) is on_purpose
    assert failure_of(RuntimeError("shapes do not match"), OUTPUT) is None
    assert failure_of(FileNotFoundError(errno.ENOENT, "x"), OUTPUT) is None
