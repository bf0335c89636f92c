from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("trl")

import torch
from peft import PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from finetune.data.encode import EncodedExample
from finetune.methods.sft import train
from finetune.settings.shared import LoraSection
from finetune.training.checkpoint import load_model
from finetune.training.run_log import RunLog
from finetune.training.trainer import lora_config
from service.releases.release import WEIGHTS
from tests.finetune.conftest import TinyBase
from tests.finetune.methods.preference_jobs import job
from tests.finetune.sft_runs import curve_of, encoded, example, run_sft

# peft 0.21 uses a property that transformers 5.23 deprecates; both warn of what TRL does on a CPU.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


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


def adapted(tiny_base: TinyBase, lora: LoraSection) -> Any:
    torch.manual_seed(0)
    return get_peft_model(cast("Any", load_model(tiny_base.folder)), lora_config(lora)).eval()


def test_the_loss_of_the_first_step_is_the_masked_likelihood_written_out(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    run_sft(tiny_base, tmp_path, "train.per_device_train_batch_size=4", "train.max_steps=1")
    expected = masked_loss(load_model(tiny_base.folder).eval(), encoded(tiny_base))
    assert curve_of(tmp_path)[0]["loss"] == pytest.approx(expected, rel=1e-3)


def test_the_loss_falls_the_adapter_names_its_base_and_the_same_seed_gives_the_same_weights(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    settings = ("train.num_train_epochs=6", "train.learning_rate=2e-2")
    metrics = run_sft(tiny_base, tmp_path / "a", *settings)
    run_sft(tiny_base, tmp_path / "b", *settings)
    assert metrics.steps == 12
    assert metrics.last_loss < 0.7 * metrics.first_loss
    assert metrics.tokens == 6 * sum(len(row.input_ids) for row in encoded(tiny_base))
    config = json.loads((tmp_path / "a" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == tiny_base.fingerprint
    weights = [(tmp_path / name / "adapter_model.safetensors").read_bytes() for name in "ab"]
    assert weights[0] == weights[1]


def test_training_goes_on_from_the_adapter_that_the_job_names(tiny_base: TinyBase, tmp_path: Path) -> None:
    rows, quick = [example(n) for n in range(4)], ("train.per_device_train_batch_size=4", "train.max_steps=8")
    first = job(tiny_base, tmp_path / "a", "sft", rows, *quick, "train.learning_rate=2e-2", "lora.r=4")
    train(first, tiny_base.folder)
    reached = cast("Any", PeftModel).from_pretrained(load_model(tiny_base.folder), first.output).eval()
    second = job(tiny_base, tmp_path / "b", "sft", rows, *quick, adapter=first.output)
    train(second, tiny_base.folder)
    began = [curve_of(run.output)[0]["loss"] for run in (first, second)]
    assert began[1] == pytest.approx(masked_loss(reached, encoded(tiny_base)), rel=1e-3)
    assert began[1] < 0.9 * began[0]
    names = [set(load_file(run.output / WEIGHTS)) for run in (first, second)]
    assert names[0] == names[1]
    assert json.loads((second.output / "adapter_config.json").read_text())["r"] == 4


def test_a_run_leaves_its_loss_curve_as_a_drawing_and_for_tensorboard_and_nothing_half_made(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "tensorboard"))
    run_sft(tiny_base, tmp_path, "train.max_steps=2", "train.save_steps=1", "train.report_to=['tensorboard']")
    assert "<svg" in (tmp_path / "loss.svg").read_text()
    assert list((tmp_path / "tensorboard").glob("events.*"))
    assert not (tmp_path / ".staged").exists()
    assert not (tmp_path / "README.md").exists()


def test_training_stops_when_its_minutes_are_used_up_and_goes_on_when_it_is_called_again(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    first = run_sft(tiny_base, tmp_path, "train.num_train_epochs=500", "train.max_minutes=0.001")
    assert first.stopped_early
    assert first.steps < 1000
    assert (tmp_path / "adapter_model.safetensors").is_file()
    again = run_sft(tiny_base, tmp_path, "train.num_train_epochs=500", "train.max_minutes=0.001")
    assert again.steps > first.steps
    assert again.seconds > first.seconds
    assert [entry["step"] for entry in curve_of(tmp_path)] == list(range(1, again.steps + 1))


@pytest.mark.parametrize("lora", [LoraSection(), LoraSection(r=4, use_rslora=True)])
def test_an_untrained_adapter_changes_no_bit_of_the_logits(tiny_base: TinyBase, lora: LoraSection) -> None:
    ids = torch.tensor([encoded(tiny_base)[0].input_ids])
    with torch.no_grad():
        base = cast("Any", load_model(tiny_base.folder)).eval()(ids).logits
        assert torch.equal(adapted(tiny_base, lora)(ids).logits, base)


def test_a_starts_uniform_as_by_kaiming_and_b_at_zero(tiny_base: TinyBase) -> None:
    model = adapted(tiny_base, LoraSection(r=64))
    for name, parameter in model.named_parameters():
        if "lora_A" in name:
            bound = 1 / math.sqrt(parameter.shape[1])
            assert float(parameter.detach().abs().max()) <= bound
            assert float(parameter.detach().std()) == pytest.approx(bound / math.sqrt(3), rel=0.05)
        elif "lora_B" in name:
            assert not parameter.detach().any()


@pytest.mark.parametrize(
    ("lora", "scale"),
    [
        (LoraSection(r=16, lora_alpha=32), 2.0),
        (LoraSection(r=16, lora_alpha=32, use_rslora=True), 8.0),
        (LoraSection(r=4, lora_alpha=8, target_modules=("q_proj",)), 2.0),
    ],
)
def test_the_update_is_scaled_by_alpha_over_r_or_over_its_root(
    tiny_base: TinyBase, lora: LoraSection, scale: float
) -> None:
    model = adapted(tiny_base, lora)
    layer = model.base_model.model.model.layers[0].self_attn.q_proj
    up, down = layer.lora_B["default"].weight, layer.lora_A["default"].weight
    torch.nn.init.normal_(up)
    x = torch.randn(3, up.shape[0])
    with torch.no_grad():
        torch.testing.assert_close(layer(x) - layer.base_layer(x), scale * (x @ down.T @ up.T))


def test_what_is_trained_of_a_model_in_4_bits_is_float32(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Begun(Exception):
        pass

    def load_marked(folder: Path) -> Any:
        model: Any = load_model(folder)
        model.is_loaded_in_4bit = True  # what TRL goes by, which rounds the adapter of such a model
        return model

    def begin(trainer: Any, _log: RunLog) -> None:
        trained = [weights for weights in trainer.model.parameters() if weights.requires_grad]
        raise Begun({weights.dtype for weights in trained})

    monkeypatch.setattr("tests.finetune.sft_runs.load_model", load_marked)
    monkeypatch.setattr("finetune.methods.sft.run_trainer", begin)
    with pytest.raises(Begun) as begun:
        run_sft(tiny_base, tmp_path)
    assert begun.value.args == ({torch.float32},)


def test_full_fine_tuning_writes_a_whole_model_that_learned(tiny_base: TinyBase, tmp_path: Path) -> None:
    settings = ("train.finetuning=full", "train.num_train_epochs=6", "train.learning_rate=2e-3")
    metrics = run_sft(tiny_base, tmp_path, *settings)
    assert metrics.last_loss < 0.8 * metrics.first_loss
    assert not (tmp_path / "adapter_config.json").exists()
    model = cast("Any", AutoModelForCausalLM).from_pretrained(tmp_path / "model").eval()
    rows = encoded(tiny_base)
    assert masked_loss(model, rows) < masked_loss(load_model(tiny_base.folder).eval(), rows)
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        path.name for path in (tmp_path / "model").iterdir()
    }
