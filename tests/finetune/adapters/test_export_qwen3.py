from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

pytest.importorskip("trl")
pytest.importorskip("xllamacpp")

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from finetune.adapters.export import export_run
from finetune.data.row_files import write_rows
from finetune.methods.sft import train
from finetune.settings.train_config import load_config
from finetune.training.base_model import EMBEDDED, find_base_model
from finetune.training.checkpoint import read_tokenizer
from finetune.training.job import Job, Outcome
from finetune.training.run import Run, start_run
from ingest.choices import GeneratorKind
from ingest.errors import AdapterRejectedError
from ingest.settings import GeneratorSettings
from service.releases.adapters import list_adapters
from service.releases.model_origin import write_origin
from service.releases.release import AdapterRecord, named_release
from service.vllm.adapters import VllmAdapter
from service.wiring import load_generator
from tests.finetune.sft_runs import QUICK, example
from tests.finetune.tiny_model import write_tiny_gguf
from tests.service.routing.fake_model_server import fake_model_servers

# peft 0.21 uses a property that transformers 5.23 deprecates; both warn of what TRL does on a CPU.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 of random weights, with the tokenizer of the embedded model."""
    folder = tmp_path_factory.mktemp("models") / "qwen3"
    tokenizer = read_tokenizer(find_base_model(EMBEDDED), folder).inner
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, head_dim=4, tie_word_embeddings=True,
    )  # fmt: skip
    cast("Any", Qwen3ForCausalLM(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def run(qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def train_here(job: Job) -> Outcome:
        return train(job, job.base.source)

    monkeypatch.setattr("finetune.training.run.run_worker", train_here)
    monkeypatch.setattr("finetune.adapters.machine_peak.matmul_peak", lambda *_shape: 1e11)
    write_rows(tmp_path / "qa.sft.jsonl", [example(n) for n in range(4)])
    config = load_config("sft", None, [*QUICK, f"model.name_or_path={qwen3}", "train.max_steps=1"])
    return start_run(tmp_path / "home", config, tmp_path / "qa.sft.jsonl")


def test_an_adapter_of_another_architecture_is_kept_for_vllm_alone(tmp_path: Path, run: Run) -> None:
    home = tmp_path / "home"
    record = export_run(home, run)
    assert set(record.files) == {
        "adapter_model.safetensors", "adapter_config.json", "metrics.json", "loss.svg", "card.json",
        "README.md",
    }  # fmt: skip
    assert list_adapters(home) == [record]
    card = (record.path / "README.md").read_text()
    assert "`adapter_model.safetensors` is for transformers and vLLM.\n" in card
    assert "adapter.gguf" not in card
    assert asyncio.run(loaded_by_vllm(home, record, run.base.source)) == {record.name: str(record.path)}


def test_the_embedded_generator_refuses_an_adapter_without_its_form(tmp_path: Path, run: Run) -> None:
    record = export_run(tmp_path / "home", run)
    served = write_tiny_gguf(tmp_path / "qwen3.gguf")
    write_origin(served, run.base.fingerprint)
    settings = GeneratorSettings(kind=GeneratorKind.LLAMA_CPP, model=str(served))
    with pytest.raises(AdapterRejectedError, match=rf"{record.name} has no adapter\.gguf.*vLLM"):
        load_generator(settings, named_release(tmp_path / "home", record.name), tmp_path / "home")


async def loaded_by_vllm(home: Path, record: AdapterRecord, model: Path) -> dict[str, str]:
    """The folders that a vLLM with ``model`` was told to load."""
    async with fake_model_servers(1) as (server,), httpx.AsyncClient(base_url=server.url) as client:
        server.root = str(model)
        await VllmAdapter(client, named_release(home, record.name), record, home).prepare()
        return dict(server.adapters)
