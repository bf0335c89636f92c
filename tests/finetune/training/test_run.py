from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from finetune.data.examples import BuildOptions, build_examples
from finetune.data.passages import IndexPassages
from finetune.data.preferences import pairs_from_examples
from finetune.data.row_files import write_rows
from finetune.data.rows import TrainingExample
from finetune.settings.train_config import load_config
from finetune.training.run import export_run, read_run, start_run, training_environment
from ingest.errors import AdapterRejectedError, ModelNotFoundError, TrainingDataError
from service.adapters import list_adapters, promote
from service.prompt import PROMPT_ID
from service.release import read_release
from tests.finetune.conftest import TinyBase
from tests.finetune.handbook import small_index, write_questions
from tests.finetune.llama_server import llama_server

pytest.importorskip("trl")


def examples(tmp_path: Path) -> tuple[TrainingExample, ...]:
    index = small_index()
    source = IndexPassages("snapshot-1", index, index)
    return build_examples(write_questions(tmp_path / "qa.jsonl"), source, BuildOptions()).examples


def test_nothing_is_started_before_the_input_is_checked(tiny_base: TinyBase, tmp_path: Path) -> None:
    home, data = tmp_path / "home", tmp_path / "sft.jsonl"
    config = load_config("sft", None, [f"model.name_or_path={tiny_base.gguf}"])
    with pytest.raises(TrainingDataError, match="cannot be read"):
        start_run(home, config, data)
    write_rows(data, [replace(examples(tmp_path)[0], prompt_id="old")])
    with pytest.raises(TrainingDataError, match="old"):
        start_run(home, config, data)
    with pytest.raises(ModelNotFoundError):
        start_run(home, load_config("sft", None, ["model.name_or_path=nowhere"]), data)
    assert not home.exists()


def test_dpo_does_not_start_from_an_adapter_of_another_base(tiny_base: TinyBase, tmp_path: Path) -> None:
    data = tmp_path / "dpo.jsonl"
    write_rows(data, pairs_from_examples(examples(tmp_path)))
    config = load_config("dpo", None, [f"model.name_or_path={tiny_base.gguf}"])
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    with pytest.raises(AdapterRejectedError, match="holds no adapter"):
        start_run(tmp_path / "home", config, data, adapter)
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "other@1"}))
    with pytest.raises(AdapterRejectedError, match="other@1"):
        start_run(tmp_path / "home", config, data, adapter)


def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AdapterRejectedError, match="no finished run"):
        read_run(tmp_path)


def test_the_training_process_gets_the_allocator_and_no_network() -> None:
    environment = training_environment(1)
    assert environment["MALLOC_TRIM_THRESHOLD_"] == str(16 << 30)
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["OMP_NUM_THREADS"] == "1"


@pytest.mark.slow
def test_from_questions_to_an_adapter_that_llama_cpp_serves(tiny_base: TinyBase, tmp_path: Path) -> None:
    home = tiny_base.home
    rows = examples(tmp_path)
    write_rows(tmp_path / "sft.jsonl", rows)
    write_rows(tmp_path / "dpo.jsonl", pairs_from_examples(rows))
    overrides = [f"model.name_or_path={tiny_base.gguf}", "train.max_steps=2", "train.threads=1"]
    sft = start_run(home, load_config("sft", None, overrides), tmp_path / "sft.jsonl")
    dpo = start_run(home, load_config("dpo", None, overrides), tmp_path / "dpo.jsonl", sft.folder)
    assert read_run(sft.folder) == sft

    names = [export_run(home, run).name for run in (sft, dpo)]
    assert [name.partition("@")[0] for name in names] == ["sft", "dpo"]
    assert {adapter.name for adapter in list_adapters(home)} == set(names)
    promote(home, names[1])
    release = read_release(home)
    release.check(base_model=tiny_base.fingerprint, prompt_id=PROMPT_ID)
    assert release.adapter is not None
    with llama_server(tiny_base.gguf, release.adapter.gguf_path) as client:
        assert client.get("/lora-adapters").raise_for_status().json()[0]["scale"] == 1.0

    too_long = load_config("sft", None, [*overrides, "train.max_length=16"])
    with pytest.raises(TrainingDataError, match="raise max_length"):
        start_run(home, too_long, tmp_path / "sft.jsonl")
