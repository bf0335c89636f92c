from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("trl")

import torch
from peft import get_peft_model
from safetensors.torch import load_file

from finetune.settings.shared import LoraSection
from finetune.training.checkpoint import load_model, load_tokenizer
from finetune.training.job import MODEL
from finetune.training.run_log import RunLog
from finetune.training.saved_state import SavedLog
from finetune.training.saving import save_adapter, save_model
from finetune.training.trainer import lora_config
from service.releases.release import WEIGHTS
from tests.finetune.conftest import TinyBase
from tests.finetune.sft_runs import curve_of, encoded, run_sft

# peft 0.21 uses a property that transformers 5.23 deprecates; both warn of what TRL does on a CPU.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


@pytest.mark.parametrize(("logging_steps", "logged"), [(50, [5]), (3, [3, 5])])
def test_the_last_step_is_logged_whatever_the_interval(
    tiny_base: TinyBase, tmp_path: Path, logging_steps: int, logged: list[int]
) -> None:
    metrics = run_sft(tiny_base, tmp_path, "train.max_steps=5", f"train.logging_steps={logging_steps}")
    assert [entry["step"] for entry in curve_of(tmp_path)] == logged
    assert metrics.steps == 5
    assert metrics.tokens == round(2.5 * sum(len(row.input_ids) for row in encoded(tiny_base)))


def test_the_step_that_a_run_is_stopped_at_is_logged(tiny_base: TinyBase, tmp_path: Path) -> None:
    settings = ("train.num_train_epochs=500", "train.max_minutes=0.001", "train.logging_steps=1000")
    metrics = run_sft(tiny_base, tmp_path, *settings)
    assert metrics.stopped_early
    assert [entry["step"] for entry in curve_of(tmp_path)] == [metrics.steps]


class DividingAccelerator:
    """Gathers a model of which this process holds but a part: its weights are all 0.5."""

    def __init__(self) -> None:
        self.gathered = 0

    def get_state_dict(self, model: torch.nn.Module) -> dict[str, torch.Tensor]:
        self.gathered += 1
        return {name: torch.full_like(weights, 0.5) for name, weights in model.state_dict().items()}

    def unwrap_model(self, model: torch.nn.Module) -> torch.nn.Module:
        return model


def finished_log() -> RunLog:
    log = RunLog(rows=4, tokens_per_epoch=9, max_minutes=None)
    log.restore(SavedLog(1.0, [{"step": 1.0, "loss": 2.0, "tokens": 9.0, "seconds": 1.0}]))
    return log


@pytest.mark.parametrize("rank", ["0", "1"])
def test_an_adapter_is_gathered_by_all_processes_and_written_by_the_first(
    rank: str, tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", rank)
    model = get_peft_model(cast("Any", load_model(tiny_base.folder)), lora_config(LoraSection()))
    trainer = SimpleNamespace(model=model, accelerator=DividingAccelerator())
    assert save_adapter(trainer, tmp_path, tiny_base.fingerprint, finished_log()).steps == 1
    assert trainer.accelerator.gathered == 1
    assert (tmp_path / WEIGHTS).is_file() == (rank == "0")
    if rank == "0":
        written = load_file(tmp_path / WEIGHTS)
        assert all("lora" in name and (weights == 0.5).all() for name, weights in written.items())


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_whole_model_is_gathered_by_all_processes_and_written_by_the_first(
    rank: str, tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", rank)
    model, tokenizer = load_model(tiny_base.folder), load_tokenizer(tiny_base.folder).inner
    trainer = SimpleNamespace(model=model, accelerator=DividingAccelerator(), processing_class=tokenizer)
    assert save_model(trainer, tmp_path, finished_log()).steps == 1
    assert trainer.accelerator.gathered == 1
    assert (tmp_path / MODEL).is_dir() == (rank == "0")
    if rank == "0":
        written = load_file(tmp_path / MODEL / "model.safetensors")
        assert all((weights == 0.5).all() for weights in written.values())
