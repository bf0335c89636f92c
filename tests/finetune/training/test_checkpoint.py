from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("peft")

import torch

from finetune.training import checkpoint
from finetune.training.base_model import BaseModel
from finetune.training.checkpoint import ensure_checkpoint, load_model


def test_of_processes_that_begin_at_once_one_unpacks_and_the_others_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[Path] = []

    def convert(_source: Path, target: Path) -> None:
        unpacked.append(target)
        time.sleep(0.1)
        (target / "config.json").write_text("{}")

    monkeypatch.setattr(checkpoint, "_convert", convert)
    source = tmp_path / "tiny.gguf"
    source.touch()
    base = BaseModel("tiny@0", source)

    def read(_: int) -> str:
        return (ensure_checkpoint(base, tmp_path) / "config.json").read_text()

    with ThreadPoolExecutor(4) as processes:
        assert list(processes.map(read, range(4))) == ["{}"] * 4
    assert len(unpacked) == 1


@pytest.mark.parametrize(("rank", "gpu"), [(None, 0), ("3", 3)])
def test_a_model_in_4_bits_is_loaded_on_the_gpu_of_its_process(
    rank: str | None, gpu: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    maps: list[Any] = []

    class Model:
        @staticmethod
        def from_pretrained(_folder: Path, *, device_map: dict[str, int] | None, **_: Any) -> torch.nn.Module:
            maps.append(device_map)
            return torch.nn.Identity()

    monkeypatch.setattr(checkpoint, "AutoModelForCausalLM", Model)
    monkeypatch.setattr(checkpoint, "BitsAndBytesConfig", dict)
    load_model(tmp_path, in_4_bits=True)
    load_model(tmp_path)
    assert maps == [{"": gpu}, None]
