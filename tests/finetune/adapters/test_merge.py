from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

pytest.importorskip("peft")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from finetune.adapters.base_checkpoint import checkpoint_of
from finetune.adapters.forms import WeightType
from finetune.adapters.frozen_model import open_model
from finetune.adapters.merge import merge_run
from finetune.cli import finetune_app
from finetune.data.encode import encode_prompt
from finetune.training.base_model import BaseModel, find_base_model
from finetune.training.checkpoint import load_tokenizer
from finetune.training.run import Run
from ingest.errors import AdapterRejectedError, TrainingDataError, UsageError
from ingest.snapshots.durable import file_sha256
from service.generate import Message
from tests.finetune.conftest import TinyBase
from tests.finetune.finished_run import change_json, finished_run, tiny_run

# peft 0.21 uses a property that transformers 5.23 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


QUESTIONS = ("What is the capital of France?", "Name three fruits.", "Why is the sky blue?")


@pytest.fixture(scope="module")
def run(tiny_base: TinyBase, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return tiny_run(tiny_base.home, tiny_base.gguf, tmp_path_factory.mktemp("runs") / "sft-1")


def test_the_merged_folder_loads_answers_as_the_adapter_and_says_what_it_is_made_of(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    target = tmp_path / "merged"
    report = merge_run(tiny_base.home, run, target, WeightType.FLOAT32)
    assert report.outputs.prompts == 6
    assert report.outputs.largest < 1e-3
    assert report.outputs.agreement == 1.0
    assert report.rounding.lost_share < 1e-5
    assert len(report.modules) == 14

    model = cast("Any", AutoModelForCausalLM).from_pretrained(target, local_files_only=True)
    assert model.dtype is torch.float32
    tokenizer = cast("Any", AutoTokenizer).from_pretrained(target, local_files_only=True)
    prompt = (Message("user", "Question: rank 16?"),)
    assert tokenizer.apply_chat_template(
        [{"role": "user", "content": "Question: rank 16?"}], add_generation_prompt=True
    )["input_ids"] == encode_prompt(load_tokenizer(tiny_base.folder), prompt)

    kept = json.loads((target / "merge.json").read_text())
    assert kept["base_model"] == tiny_base.fingerprint
    assert kept["adapter_sha256"] == file_sha256(run.folder / "adapter_model.safetensors")
    assert (kept["prompt_id"], kept["dataset_sha256"]) == (run.prompt_id, run.dataset_sha256)
    assert set(kept["files"]) == {path.name for path in target.iterdir()} - {"merge.json"}
    assert all(file_sha256(target / name) == sha256 for name, sha256 in kept["files"].items())


def test_bfloat16_halves_the_weights_and_tells_what_it_lost(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    report = merge_run(tiny_base.home, run, tmp_path / "merged", WeightType.BFLOAT16)
    assert 1e-3 < report.rounding.lost_share < 0.05
    assert report.outputs.largest > 1e-3
    config = json.loads((tmp_path / "merged" / "config.json").read_text())
    assert config["dtype"] == "bfloat16"
    sizes = [path.stat().st_size for folder in (tiny_base.folder, tmp_path / "merged")
             for path in folder.glob("*.safetensors")]  # fmt: skip
    assert sizes[1] == pytest.approx(sizes[0] / 2, rel=0.02)


def test_nothing_is_left_of_a_merge_that_fails_and_nothing_is_overwritten(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    target = tmp_path / "merged"
    damaged = tmp_path / "run"
    damaged.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (damaged / name).write_bytes((run.folder / name).read_bytes())
    (damaged / "adapter_model.safetensors").write_bytes(b"cut off")
    with pytest.raises(AdapterRejectedError, match="damaged"):
        merge_run(tiny_base.home, replace(run, folder=damaged), target, WeightType.FLOAT32)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    target.mkdir()
    with pytest.raises(UsageError, match="exists already"):
        merge_run(tiny_base.home, run, target, WeightType.FLOAT32)


def test_what_is_no_adapter_of_this_base_is_refused(tiny_base: TinyBase, run: Run, tmp_path: Path) -> None:
    full = run.config.model_copy(update={"train": run.config.train.model_copy(update={"finetuning": "full"})})
    for other, complaint in (
        (replace(run, method="rm"), "reward model"),
        (replace(run, config=full), "--gguf-merged"),
        (replace(run, base=BaseModel("other@1", tiny_base.gguf)), "was trained on"),
    ):
        with pytest.raises(AdapterRejectedError, match=complaint):
            merge_run(tiny_base.home, other, tmp_path / "merged", WeightType.FLOAT32)


def test_a_base_or_data_that_changed_since_is_noticed(tiny_base: TinyBase, tmp_path: Path) -> None:
    gguf = tmp_path / "base.gguf"
    gguf.write_bytes(tiny_base.gguf.read_bytes())
    run = tiny_run(tmp_path / "home", gguf, tmp_path / "run")
    rows = run.data.read_text()
    run.data.write_text(rows.replace("The rank is 2", "The rank is 3"))
    with pytest.raises(TrainingDataError, match="not the data"):
        merge_run(tmp_path / "home", run, tmp_path / "merged", WeightType.FLOAT32)
    (tmp_path / "moved.jsonl").write_text(rows)
    with gguf.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(AdapterRejectedError, match="put that model back"):
        merge_run(tmp_path / "home", run, tmp_path / "merged", WeightType.FLOAT32, tmp_path / "moved.jsonl")
    assert not (tmp_path / "merged").exists()


def test_the_command_shows_what_was_lost_or_prints_the_report(
    tiny_base: TinyBase, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TROIKA_HOME", str(tiny_base.home))
    arguments = ["merge", str(run.folder), "--output"]
    shown = CliRunner().invoke(finetune_app, [*arguments, str(tmp_path / "a")])
    assert shown.exit_code == 0, shown.output
    assert "as float32; rounding lost" in shown.stdout
    printed = CliRunner().invoke(
        finetune_app, [*arguments, str(tmp_path / "b"), "--dtype", "bfloat16", "--json"]
    )
    assert json.loads(printed.stdout)["dtype"] == "bfloat16"


def test_a_run_that_names_another_base_than_its_adapter_is_refused(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    run = tiny_run(tiny_base.home, tiny_base.gguf, tmp_path / "run")
    change_json(run.folder / "adapter_config.json", base_model_name_or_path="other@1")
    with pytest.raises(AdapterRejectedError, match="other@1"):
        merge_run(tiny_base.home, run, tmp_path / "merged", WeightType.FLOAT32)


@pytest.mark.slow
def test_smollm2_writes_the_same_text_merged_as_with_its_adapter(home: Path, tmp_path: Path) -> None:
    base = find_base_model("smollm2")
    run = finished_run(home, tmp_path / "run", base, std=0.02, r=16, lora_alpha=32)
    report = merge_run(home, run, tmp_path / "merged", WeightType.FLOAT32)
    assert report.outputs.largest < 1e-2
    checkpoint = checkpoint_of(run, home)
    tokenizer = load_tokenizer(checkpoint)
    prompts = [encode_prompt(tokenizer, (Message("user", text),)) for text in QUESTIONS]
    base_alone, adapted, merged = (
        [written(model, prompt) for prompt in prompts]
        for model in (
            open_model(checkpoint, None),
            open_model(checkpoint, run.folder),
            open_model(tmp_path / "merged", None),
        )
    )
    assert merged == adapted
    assert all(new != old for new, old in zip(adapted, base_alone, strict=True))


def written(model: Any, prompt: list[int]) -> list[int]:
    """The ids of a greedy answer."""
    ids = torch.tensor([prompt])
    return model.generate(ids, max_new_tokens=24, do_sample=False)[0, len(prompt) :].tolist()
