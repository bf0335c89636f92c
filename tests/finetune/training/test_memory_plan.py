from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("trl")

import torch
from peft import get_peft_model
from transformers import AutoConfig, Qwen2Config, Qwen3Config

from finetune.settings.shared import Finetuning
from finetune.settings.train_config import TrainConfig, load_config
from finetune.training.checkpoint import ensure_checkpoint, load_model
from finetune.training.memory_plan import Batch, plan_memory, saved_bytes
from finetune.training.trainer import lora_config
from tests.finetune.conftest import TinyBase

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

BATCH = Batch(rows=2, length=48, learned=10)


def check_against_real_tensors(folder: Path, finetuning: Finetuning, config: TrainConfig) -> None:
    """Takes one step and adds up what is there."""
    planned = plan_memory(AutoConfig.from_pretrained(folder), config, finetuning, BATCH)
    model: Any = load_model(folder)
    if finetuning != "full":
        model = get_peft_model(model, lora_config(config.lora))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    activations = saved_bytes(model, BATCH, config.train.bf16)
    ids = torch.ones(BATCH.rows, BATCH.length, dtype=torch.int64)
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
    states = [value for state in optimizer.state.values() for value in state.values()]
    assert planned.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert planned.weights == size_of(list(model.parameters()))
    assert planned.gradients == size_of([cast("torch.Tensor", parameter.grad) for parameter in trained])
    assert planned.optimizer == size_of(states)
    logits = BATCH.learned * model.config.vocab_size * 8
    assert planned.activations - logits == pytest.approx(activations, rel=0.1)


def size_of(tensors: list[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@pytest.mark.parametrize("finetuning", ["lora", "full"])
@pytest.mark.parametrize("bf16", ["true", "false"])
def test_the_plan_is_what_the_tensors_of_the_tiny_model_take(
    tiny_base: TinyBase, finetuning: Finetuning, bf16: str
) -> None:
    config = load_config("sft", None, [f"train.bf16={bf16}", "lora.r=4"])
    check_against_real_tensors(tiny_base.folder, finetuning, config)


@pytest.mark.slow
@pytest.mark.parametrize("finetuning", ["lora", "full"])
def test_the_plan_is_what_the_tensors_of_smollm2_take(tmp_path: Path, finetuning: Finetuning) -> None:
    from finetune.training.base_model import find_base_model

    folder = ensure_checkpoint(find_base_model("smollm2"), tmp_path)
    check_against_real_tensors(folder, finetuning, load_config("sft", None))


def qwen3(layers: int) -> Qwen3Config:
    """The widths of Qwen3-0.6B, which has 28 layers."""
    return Qwen3Config(
        vocab_size=151936,
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=layers,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        tie_word_embeddings=True,
    )


QWEN25_15B = Qwen2Config(
    vocab_size=151936,
    hidden_size=1536,
    intermediate_size=8960,
    num_hidden_layers=28,
    num_attention_heads=12,
    num_key_value_heads=2,
    tie_word_embeddings=True,
)


@pytest.mark.parametrize(
    ("shape", "parameters", "share"), [(qwen3(28), 596_049_920, 0.142), (QWEN25_15B, 1_543_714_304, 0.137)]
)
def test_the_larger_the_model_the_smaller_the_share_that_an_adapter_takes(
    shape: Any, parameters: int, share: float
) -> None:
    full = plan_memory(shape, load_config("sft", None), "full", BATCH)
    lora = plan_memory(shape, load_config("sft", None, ["model.dtype=bfloat16"]), "lora", BATCH)
    assert full.parameters == parameters
    assert lora.states / full.states == pytest.approx(share, abs=5e-4)


def test_a_model_is_planned_without_its_weights_and_an_adapter_takes_a_quarter_of_the_states() -> None:
    shape = qwen3(2)
    config = load_config("sft", None)
    full = plan_memory(shape, config, "full", BATCH)
    lora = plan_memory(shape, load_config("sft", None, ["model.dtype=bfloat16"]), "lora", BATCH)
    quantized = plan_memory(shape, load_config("sft", None, ["model.dtype=bfloat16"]), "qlora", BATCH)
    assert full.parameters == 151936 * 1024 + 2 * 15_730_944 + 1024
    assert full.states == pytest.approx(16 * full.parameters, rel=1e-3)
    assert lora.states < full.states / 4
    assert lora.weights - quantized.weights == pytest.approx(2 * 15_728_640 * 1.484, rel=1e-3)
    assert lora.total == lora.states + lora.activations
