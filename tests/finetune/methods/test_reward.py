from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("trl")

import torch

from finetune.data.encode import EncodedRanking, encode_rankings
from finetune.data.rows import RankedAnswers
from finetune.methods import sft
from finetune.methods.reward import (
    collate,
    held_out_details,
    pairs_of,
    ranking_loss,
    split_by_prompt,
    train,
)
from finetune.methods.reward_model import (
    RewardModel,
    load_classifier,
    load_reward_model,
    rewards_of,
)
from finetune.training.checkpoint import load_tokenizer
from finetune.training.packing import pack_classified_batches
from finetune.training.padding import pad_left
from service.generate import Message
from tests.finetune.conftest import TinyBase
from tests.finetune.methods.preference_jobs import curve, examples, job, rankings

# peft 0.21 uses a property that transformers 5.23 deprecates; both warn of what a Trainer does on a CPU.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

LEARN = ("train.learning_rate=1e-2", "train.num_train_epochs=6")


def encoded(base: TinyBase, count: int) -> list[EncodedRanking]:
    return encode_rankings(load_tokenizer(base.folder), rankings(count), 512)


def answers(rows: list[EncodedRanking]) -> list[tuple[list[int], list[int]]]:
    return [(row.prompt_ids, answer) for row in rows for answer in row.answers_ids]


@given(st.lists(st.integers(0, 4), min_size=2, max_size=7).map(sorted))
def test_a_ranking_has_a_pair_for_every_two_answers_that_are_no_tie(ranks: list[int]) -> None:
    pairs = pairs_of(ranks)
    assert all(ranks[better] < ranks[worse] for better, worse in pairs)
    assert len(set(pairs)) == len(pairs)
    ties = sum(math.comb(ranks.count(rank), 2) for rank in set(ranks))
    assert len(pairs) == math.comb(len(ranks), 2) - ties


def test_four_ranked_answers_make_six_pairs_and_are_encoded_once(tiny_base: TinyBase) -> None:
    rows = encoded(tiny_base, 2)
    tied = EncodedRanking(rows[1].prompt_ids, rows[1].answers_ids[:3], [0, 1, 1])
    batch = collate([rows[0], tied])
    assert batch["input_ids"].shape[0] == 7
    pairs = list(zip(batch["better"].tolist(), batch["worse"].tolist(), strict=True))
    assert pairs == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (4, 5), (4, 6)]
    # Both prompts count the same, though one has three times as many pairs.
    assert batch["weights"].tolist() == pytest.approx([1 / 12] * 6 + [1 / 4] * 2)


def test_a_batch_ends_with_the_last_token_of_every_row_wherever_it_begins() -> None:
    batch = pad_left([[5, 6, 7], [8]])
    assert batch["input_ids"].tolist() == [[5, 6, 7], [0, 0, 8]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]
    assert batch["position_ids"].tolist() == [[0, 1, 2], [0, 0, 0]]


def test_the_loss_is_the_formula_written_out() -> None:
    rewards, ranks, eta = [0.7, -0.2, 0.1], [0, 1, 1], 0.3
    expected = 0.0
    for better, worse in ((0, 1), (0, 2)):
        margin, total = rewards[better] - rewards[worse], rewards[better] + rewards[worse]
        expected += (math.log(1 + math.exp(-margin)) + eta * total**2) / 2
    better, worse = torch.tensor(pairs_of(ranks)).unbind(1)
    values = torch.tensor(rewards)
    loss = ranking_loss(values[better], values[worse], torch.tensor([0.5, 0.5]), eta)
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_a_reward_is_the_head_on_the_hidden_state_of_the_last_token_whatever_the_padding(
    tiny_base: TinyBase,
) -> None:
    torch.manual_seed(0)
    network = load_classifier(tiny_base.folder).eval()
    rows = [prompt + answer for prompt, answer in answers(encoded(tiny_base, 2))]
    with torch.no_grad():
        together = rewards_of(network, pad_left(rows))
        for row, reward in zip(rows, together, strict=True):
            hidden = network.model(torch.tensor([row])).last_hidden_state[0, -1]
            assert float(reward) == pytest.approx(float(network.score.weight[0] @ hidden), abs=1e-5)


def test_packed_answers_have_the_rewards_and_the_gradient_of_padded_ones(tiny_base: TinyBase) -> None:
    batch = collate(encoded(tiny_base, 3))
    better, worse, weights = (batch.pop(key) for key in ("better", "worse", "weights"))
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    counted: list[int] = []
    for is_packed in (False, True):
        torch.manual_seed(0)
        network = load_classifier(tiny_base.folder)
        if is_packed:
            pack_classified_batches(network, 512, counted.append)
        rewards = rewards_of(network, batch)
        ranking_loss(rewards[better], rewards[worse], weights, 0.01).backward()
        gradients = [weight.grad.flatten() for weight in network.parameters() if weight.grad is not None]
        found.append((rewards.detach(), torch.cat(gradients)))
    assert len(counted) == 1
    assert counted[0] < int(batch["attention_mask"].sum())
    (padded, padded_gradient), (packed, packed_gradient) = found
    assert torch.allclose(packed, padded, rtol=0, atol=1e-5)
    assert float((packed_gradient - padded_gradient).abs().max()) < 1e-4


def test_it_learns_the_order_and_comes_back_with_its_head(
    tiny_base: TinyBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[RewardModel] = []

    def keep_model(model: RewardModel, rows: list[EncodedRanking]) -> dict[str, float]:
        trained.append(model)
        return held_out_details(model, rows)

    monkeypatch.setattr("finetune.methods.reward.held_out_details", keep_model)
    overrides = (*LEARN, "rm.eval_share=0.34")
    details = train(job(tiny_base, tmp_path, "rm", rankings(6), *overrides), tiny_base.folder).details
    assert (details["eval/prompts"], details["eval/pairs"]) == (2, 12)
    assert details["eval/pair_accuracy"] > 0.9
    low, high = details["eval/pair_accuracy_low"], details["eval/pair_accuracy_high"]
    assert 0 <= low <= details["eval/pair_accuracy"] <= high <= 1
    logged = curve(tmp_path)
    assert logged[0]["loss"] > 2 * logged[-1]["loss"]
    assert logged[-1]["rewards/margins"] > 0

    rows = answers(encoded(tiny_base, 6))
    scores = load_reward_model(tmp_path, tiny_base.folder).score(rows)
    assert scores.dtype == torch.float32
    assert torch.allclose(trained[0].score(rows), scores, rtol=0, atol=1e-6)
    by_prompt = scores.view(6, 4)
    assert (by_prompt[:, 0] > by_prompt[:, 3]).all()
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == tiny_base.fingerprint


def test_it_starts_from_an_adapter_that_was_trained_on_answers(tiny_base: TinyBase, tmp_path: Path) -> None:
    shape = ("lora.r=4", "lora.target_modules=['q_proj']", "train.max_steps=1")
    start = tmp_path / "sft"
    sft.train(job(tiny_base, start, "sft", examples(2), *shape, "train.learning_rate=1e-2"), tiny_base.folder)
    output = tmp_path / "rm"
    overrides = ("train.max_steps=1", "train.learning_rate=1e-9")
    train(job(tiny_base, output, "rm", rankings(2), *overrides, adapter=start), tiny_base.folder)
    from safetensors.torch import load_file

    before, after = (load_file(folder / "adapter_model.safetensors") for folder in (start, output))
    assert set(after) - set(before) == {"base_model.model.score.weight"}
    for name, tensor in before.items():
        assert torch.allclose(tensor, after[name], atol=1e-6), name


def test_prompts_are_held_out_whole_and_alike_in_every_run(tiny_base: TinyBase) -> None:
    rows = encoded(tiny_base, 10) * 2
    learned, held_out = split_by_prompt(rows, 0.2, 0)
    assert (len(learned), len(held_out)) == (16, 4)
    assert not {tuple(row.prompt_ids) for row in learned} & {tuple(row.prompt_ids) for row in held_out}
    assert split_by_prompt(rows, 0.2, 0) == (learned, held_out)
    assert len(split_by_prompt(rows[:3], 0.01, 0)[1]) == 1
    assert split_by_prompt(rows[:3], 0.0, 0) == (rows[:3], [])
    assert split_by_prompt(rows[:1], 0.5, 0) == (rows[:1], [])


def test_a_resumed_run_ends_with_the_same_loss(tiny_base: TinyBase, tmp_path: Path) -> None:
    overrides = (*LEARN, "train.num_train_epochs=2", "train.save_steps=2")
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    train(job(tiny_base, whole, "rm", rankings(5), *overrides), tiny_base.folder)
    started = job(tiny_base, resumed, "rm", rankings(5), *overrides)
    shutil.copytree(whole / "checkpoint-2", resumed / "checkpoint-2")
    train(started, tiny_base.folder)
    assert curve(resumed)[:2] == curve(whole)[:2]  # with their times: these steps were not made again
    assert curve(resumed)[-1]["step"] == curve(whole)[-1]["step"] == 4
    assert curve(resumed)[-1]["loss"] == pytest.approx(curve(whole)[-1]["loss"], abs=1e-3)


@pytest.mark.slow
def test_smollm2_learns_from_human_rankings(smollm2: TinyBase, shared_data: Path, tmp_path: Path) -> None:
    lines = (shared_data / "dev" / "dpo" / "oasst_zh.jsonl").read_text("utf-8").splitlines()
    rows = [
        RankedAnswers(
            row["id"],
            (Message("user", row["prompt"]),),
            (row["chosen"], row["rejected"]),
            (0, 1),
            "zh",
            None,
            "d",
        )
        for row in map(json.loads, lines)
        if len(row["prompt"] + row["chosen"] + row["rejected"]) < 150 and not row["history"]
    ]
    overrides = ("train.max_steps=12", "train.learning_rate=5e-4", "rm.eval_share=0.34")
    outcome = train(job(smollm2, tmp_path, "rm", rows[:9], *overrides), smollm2.folder)
    logged = curve(tmp_path)
    assert sum(entry["loss"] for entry in logged[-4:]) < sum(entry["loss"] for entry in logged[:4])
    assert outcome.details["eval/pairs"] == 3
    tokenizer = load_tokenizer(smollm2.folder)
    some = encode_rankings(tokenizer, rows[:2], 2048)
    model = load_reward_model(tmp_path, smollm2.folder)
    assert model.score(answers(some)).isfinite().all()
