from __future__ import annotations

import json
from pathlib import Path

import pytest

from finetune.settings.shared import TrainSection
from finetune.settings.train_config import load_config
from finetune.training.base_model import BaseModel
from finetune.training.checks import check_adapter, check_batch, check_machine, rows_per_step
from ingest.errors import AdapterRejectedError, MissingExtraError, SettingsError, TrainingDataError
from tests.finetune.sft_runs import example

BASE = BaseModel("tiny@0", Path("tiny.gguf"))


def write_adapter(folder: Path, **config: object) -> Path:
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "adapter_model.safetensors").write_bytes(b"")
    return folder


def test_fewer_rows_than_a_step_takes_are_refused() -> None:
    rows = [example(n) for n in range(7)]
    with pytest.raises(TrainingDataError, match="7 rows, and one step takes 8"):
        check_batch(load_config("sft", None), rows, processes=1)
    check_batch(load_config("sft", None, ["train.gradient_accumulation_steps=3"]), rows, processes=1)
    with pytest.raises(TrainingDataError, match="one step takes 12"):
        check_batch(load_config("sft", None, ["train.gradient_accumulation_steps=3"]), rows, processes=2)


def test_where_answers_are_sampled_a_batch_counts_answers() -> None:
    overrides = ["train.per_device_train_batch_size=8", "train.gradient_accumulation_steps=2"]
    config = load_config("grpo", None, [*overrides, "rollout.num_generations=4"])
    assert rows_per_step(config, processes=1) == 4


def test_an_adapter_of_another_base_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AdapterRejectedError, match="holds no adapter"):
        check_adapter(tmp_path, BASE)
    with pytest.raises(AdapterRejectedError, match="trained on other@1, but tiny@0"):
        check_adapter(write_adapter(tmp_path, base_model_name_or_path="other@1", r=8), BASE)
    check_adapter(write_adapter(tmp_path, base_model_name_or_path="tiny@0", r=8), BASE)


def test_an_adapter_that_could_never_be_served_is_refused(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path, base_model_name_or_path="tiny@0", r=8, use_dora=True)
    with pytest.raises(AdapterRejectedError, match="DoRA"):
        check_adapter(folder, BASE)


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.training.checks.is_installed", lambda name: name != "bitsandbytes")
    with pytest.raises(MissingExtraError, match=r"troika\[qlora\]"):
        check_machine(TrainSection(finetuning="qlora"))


def test_qlora_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr("finetune.training.checks.is_installed", lambda _: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(SettingsError, match="torch sees no GPU"):
        check_machine(TrainSection(finetuning="qlora"))


@pytest.mark.parametrize("override", ["train.finetuning=qlora", "train.finetuning=full"])
def test_preference_training_is_of_adapters(override: str) -> None:
    with pytest.raises(SettingsError, match="adapters only"):
        load_config("dpo", None, [override])


def test_full_fine_tuning_is_in_float32() -> None:
    with pytest.raises(SettingsError, match="float32"):
        load_config("sft", None, ["train.finetuning=full", "model.dtype=bfloat16"])
