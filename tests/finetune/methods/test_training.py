from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("trl")

import torch
from peft import PeftModel

from finetune.data.encode import EncodedExample, encode_examples, encode_pairs
from finetune.data.rows import ExampleKind, PreferencePair, TrainingExample
from finetune.methods.dpo import train_dpo
from finetune.methods.sft import train_sft
from finetune.settings.train_config import load_config
from finetune.training.checkpoint import load_model, load_tokenizer
from finetune.training.job import RunMetrics
from service.generate import Message
from service.prompt import PROMPT_ID
from tests.finetune.conftest import TinyBase

# peft 0.21 uses a property that transformers 5.23 deprecates; both warn of what TRL does on a CPU.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

QUICK = ["train.per_device_train_batch_size=2", "train.gradient_accumulation_steps=1", "train.warmup_ratio=0"]


def messages(n: int) -> tuple[Message, ...]:
    return (
        Message("system", "Answer the question."),
        Message("user", f"[1] Rank\nThe rank is {n}.\n\nQuestion: rank?"),
    )


def rows(tiny_base: TinyBase) -> list[EncodedExample]:
    examples = [
        TrainingExample(
            str(n), messages(n), (), f"The rank is {n}. [1]", ExampleKind.GOLD, "en", PROMPT_ID, None, "d"
        )
        for n in range(4)
    ]
    return encode_examples(load_tokenizer(tiny_base.folder), examples, 512)


def run_sft(tiny_base: TinyBase, output: Path, *overrides: str) -> RunMetrics:
    output.mkdir(parents=True, exist_ok=True)
    config = load_config("sft", None, [*QUICK, *overrides])
    model, tokenizer = load_model(tiny_base.folder), load_tokenizer(tiny_base.folder)
    return train_sft(config, model, tokenizer, rows(tiny_base), output, tiny_base.fingerprint)


def masked_loss(model: Any, batch: list[EncodedExample]) -> float:
    """The mean negative log-likelihood of the labelled tokens, written out."""
    total, count = 0.0, 0
    for row in batch:
        with torch.no_grad():
            logprobs = model(torch.tensor([row.input_ids])).logits[0].log_softmax(-1)
        for position, label in enumerate(row.labels):
            if label != -100:
                total -= float(logprobs[position - 1, label])
                count += 1
    return total / count


def test_the_loss_of_the_first_step_is_the_masked_likelihood_written_out(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    run_sft(tiny_base, tmp_path, "train.per_device_train_batch_size=4", "train.max_steps=1")
    curve = json.loads((tmp_path / "metrics.json").read_text())["curve"]
    expected = masked_loss(load_model(tiny_base.folder).eval(), rows(tiny_base))
    assert curve[0]["loss"] == pytest.approx(expected, rel=1e-3)


def test_the_loss_falls_the_adapter_names_its_base_and_the_same_seed_gives_the_same_weights(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    settings = ("train.num_train_epochs=6", "train.learning_rate=2e-2")
    metrics = run_sft(tiny_base, tmp_path / "a", *settings)
    run_sft(tiny_base, tmp_path / "b", *settings)
    assert metrics.steps == 12
    assert metrics.last_loss < 0.7 * metrics.first_loss
    assert metrics.tokens == 6 * sum(len(row.input_ids) for row in rows(tiny_base))
    config = json.loads((tmp_path / "a" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == tiny_base.fingerprint
    weights = [(tmp_path / name / "adapter_model.safetensors").read_bytes() for name in "ab"]
    assert weights[0] == weights[1]


def test_training_stops_when_its_minutes_are_used_up(tiny_base: TinyBase, tmp_path: Path) -> None:
    metrics = run_sft(tiny_base, tmp_path, "train.num_train_epochs=500", "train.max_minutes=0.001")
    assert metrics.stopped_early
    assert metrics.steps < 1000
    assert (tmp_path / "adapter_model.safetensors").is_file()


def test_dpo_starts_from_the_adapter_holds_it_as_reference_and_widens_the_margin(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    run_sft(tiny_base, tmp_path / "sft", "train.max_steps=4", "train.learning_rate=2e-2")
    pairs = [
        PreferencePair(
            str(n),
            messages(n),
            f"The rank is {n}. [1]",
            f"The rank is {n}. [2]",
            "wrong_citation",
            "en",
            PROMPT_ID,
            "d",
        )
        for n in range(4)
    ]
    tokenizer = load_tokenizer(tiny_base.folder)
    only_dpo = ["dpo.loss_type=['sigmoid']", "dpo.loss_weights=[1.0]"]
    overrides = [*QUICK, *only_dpo, "train.num_train_epochs=4", "train.learning_rate=1e-2"]
    config = load_config("dpo", None, overrides)
    output = tmp_path / "dpo"
    output.mkdir()
    train_dpo(
        config,
        load_model(tiny_base.folder),
        tokenizer,
        encode_pairs(tokenizer, pairs, 512),
        output,
        tiny_base.fingerprint,
        tmp_path / "sft",
    )
    curve = json.loads((output / "metrics.json").read_text())["curve"]
    # Policy and reference are the same adapter at first: the margin is 0 and the loss log 2.
    assert curve[0]["rewards/margins"] == pytest.approx(0, abs=1e-4)
    assert curve[0]["loss"] == pytest.approx(0.6931, abs=1e-3)
    assert curve[-1]["rewards/margins"] > 0
    assert not (output / "ref").exists()
    loaded = cast("Any", PeftModel).from_pretrained(load_model(tiny_base.folder), output)
    assert set(loaded.peft_config) == {"default"}
