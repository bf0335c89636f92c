"""RLOO and GRPO on the tiny model."""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import fmean

import pytest

pytest.importorskip("trl")

import torch
from safetensors.torch import load_file
from trl.trainer.grpo_config import GRPOConfig

from finetune.data.encode import encode_prompt, end_of_turn
from finetune.data.examples import BuildOptions, build_examples
from finetune.data.own_passages import OwnPassages
from finetune.methods import grpo, rloo
from finetune.policy import groups
from finetune.policy.groups import EpochOrder, GroupReward, group_arguments
from finetune.settings.train_config import Method, load_config
from finetune.training.checkpoint import load_tokenizer
from finetune.training.worker import method_of
from ingest.errors import MissingExtraError
from tests.finetune.conftest import TinyBase
from tests.finetune.methods.preference_jobs import curve, job
from tests.finetune.methods.sampled_jobs import ROLLOUT, SHORT, refusals

# peft 0.21 uses a property that transformers 5.23 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


@pytest.mark.parametrize("method", ["rloo", "grpo"])
def test_it_earns_more_and_more_and_leaves_an_adapter(
    tiny_base: TinyBase, undecided: Path, tmp_path: Path, method: Method
) -> None:
    settings = ("train.learning_rate=2e-3", "train.max_steps=8", "rollout.beta=0.01")
    work = job(tiny_base, tmp_path, method, refusals(4), *ROLLOUT, *settings, adapter=undecided)
    outcome = {"rloo": rloo.train, "grpo": grpo.train}[method](work, tiny_base.folder)
    steps = curve(tmp_path)
    assert steps[0]["kl"] == pytest.approx(0, abs=1e-6)
    rewards = [step["reward"] for step in steps]
    assert 0.2 < rewards[0] < 0.7
    assert fmean(rewards[-3:]) > rewards[0] + 0.1
    assert outcome.details["refused/last"] > outcome.details["refused/first"]
    assert {"length/last", "ended/last", "form/last"} <= outcome.details.keys()
    assert steps[-1]["tokens"] > steps[0]["tokens"] > 0
    assert (tmp_path / "adapter_model.safetensors").is_file()


def test_answers_are_sampled_to_the_ids_that_the_server_computes(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []

    class Watched(GroupReward):
        def __call__(self, **batch: object) -> list[float]:
            seen.extend(batch["prompts"])  # pyright: ignore[reportArgumentType]
            return super().__call__(**batch)

    monkeypatch.setattr(groups, "GroupReward", Watched)
    rloo.train(
        job(tiny_base, tmp_path, "rloo", refusals(4), *ROLLOUT, *SHORT, "train.max_steps=1"), tiny_base.folder
    )
    tokenizer = load_tokenizer(tiny_base.folder)
    wanted = [encode_prompt(tokenizer, row.messages) for row in refusals(4)]
    assert sorted(seen) == sorted(4 * wanted)
    assert end_of_turn(tokenizer) == 2


def test_the_order_of_an_epoch_does_not_depend_on_those_before() -> None:
    through, straight = (EpochOrder(range(50), mini_repeat_count=2, batch_size=5, seed=3) for _ in range(2))
    orders = []
    for epoch in range(3):
        through.set_epoch(epoch)
        orders.append(list(through))
    straight.set_epoch(2)
    assert list(straight) == orders[2] != orders[1]


def test_vllm_samples_where_the_settings_say_so(tmp_path: Path) -> None:
    overrides = [
        "rollout.use_vllm=true",
        "rollout.vllm_mode=server",
        "rollout.vllm_server_base_url=http://[::1]:1",
    ]
    config = load_config("grpo", None, overrides)
    arguments = GRPOConfig(**group_arguments(config, tmp_path))
    assert (arguments.use_vllm, arguments.vllm_mode) == (True, "server")
    assert arguments.vllm_server_base_url == "http://[::1]:1"


def test_vllm_that_is_not_there_is_an_error_before_any_model_is_loaded(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    with pytest.raises(MissingExtraError, match="vllm is not installed"):
        rloo.train(job(tiny_base, tmp_path, "rloo", refusals(4), *ROLLOUT, "rollout.use_vllm=true"), tmp_path)


def test_a_run_goes_on_from_its_checkpoint_to_the_same_end(tiny_base: TinyBase, tmp_path: Path) -> None:
    settings = (*ROLLOUT, *SHORT, "train.learning_rate=1e-3")
    whole, resumed = (
        job(tiny_base, tmp_path / name, "rloo", refusals(5), *settings) for name in ("whole", "resumed")
    )
    rloo.train(whole, tiny_base.folder)
    shutil.copytree(whole.output / "checkpoint-2", resumed.output / "checkpoint-2")
    rloo.train(resumed, tiny_base.folder)
    first, second = (load_file(one.output / "adapter_model.safetensors") for one in (whole, resumed))
    assert all(torch.allclose(first[name], second[name], atol=1e-5) for name in first)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ppo", "rloo", "grpo"])
def test_two_steps_of_smollm2_on_real_questions(
    smollm2: TinyBase, shared_data: Path, tmp_path: Path, method: Method
) -> None:
    lines = (shared_data / "dev" / "sft" / "valid.jsonl").read_text("utf-8").splitlines()
    questions = tmp_path / "questions.jsonl"
    questions.write_text("\n".join(line for line in lines if '"lang": "en"' in line and len(line) < 2500))
    examples = build_examples(questions, OwnPassages(), BuildOptions()).examples[:8]
    short = ("rollout.num_generations=2", "rollout.max_completion_length=16")
    few = ("ppo.num_ppo_epochs=1",) if method == "ppo" else ()
    overrides = (*short, *few, "train.gradient_accumulation_steps=2", "train.max_steps=2")
    work = job(smollm2, tmp_path / "run", method, examples, *overrides, "train.learning_rate=1e-4")
    outcome = method_of(method)(work, smollm2.folder)
    assert outcome.metrics.steps == 2
    assert outcome.left_out == 0
    assert 0 <= outcome.details["reward/last"] <= 1
    assert 1 <= outcome.details["length/last"] <= 16
    assert (tmp_path / "run" / "adapter_model.safetensors").is_file()
