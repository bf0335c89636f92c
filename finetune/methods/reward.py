"""A reward model from ranked answers: every answer gets a number, the better one of two the higher."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import numpy as np
import peft
import torch
from peft import TaskType
from torch.nn.functional import logsigmoid
from transformers import Trainer, TrainingArguments, set_seed

from eval.statistics.significance import bootstrap_interval
from finetune.data.encode import EncodedRanking, encode_rankings
from finetune.data.row_files import read_rankings
from finetune.methods.reward_model import RewardModel, load_classifier, rewards_of
from finetune.settings.shared import LoraSection
from finetune.training.checkpoint import load_tokenizer
from finetune.training.held_out import held_out_prompts
from finetune.training.job import Job, Outcome
from finetune.training.packing import pack_classified_batches
from finetune.training.padding import pad_left
from finetune.training.run_log import RunLog
from finetune.training.saving import save_adapter
from finetune.training.trainer import lora_config, run_trainer, training_arguments


def train(job: Job, checkpoint: Path) -> Outcome:
    """Encode the rankings of the job, train on most of the prompts, and measure on the others."""
    config = job.config
    rankings = read_rankings(job.data)
    rows = encode_rankings(load_tokenizer(checkpoint), rankings, config.train.max_length)
    rows_to_learn, held_out = split_by_prompt(rows, config.rm.eval_share, config.train.seed)
    set_seed(config.train.seed)
    network = _with_adapter(load_classifier(checkpoint), config.lora, job.adapter)
    log = RunLog(len(rows_to_learn), sum(map(_tokens, rows_to_learn)), config.train.max_minutes)
    if config.train.packing:
        pack_classified_batches(network, config.train.max_length, log.computed)
    arguments = training_arguments(config.train, job.output)
    del arguments["max_length"]  # a word of TRL's
    trainer = RankingTrainer(
        network, TrainingArguments(**arguments), rows_to_learn, log, config.rm.center_coefficient
    )
    run_trainer(trainer, log)
    metrics = save_adapter(trainer, job.output, job.base.fingerprint, log)
    return Outcome(metrics, len(rankings) - len(rows), held_out_details(RewardModel(network), held_out))


class RankingTrainer(Trainer):
    """Minimises ``ranking_loss``; each answer of a ranking goes through the network once."""

    loss_is_scaled_for_ga = False

    def __init__(
        self,
        network: Any,
        arguments: TrainingArguments,
        rows: Sequence[EncodedRanking],
        log: RunLog,
        center_coefficient: float,
    ) -> None:
        cast("Any", super()).__init__(
            model=network,
            args=arguments,
            train_dataset=rows,
            data_collator=collate,
            callbacks=[log],
        )
        self._center_coefficient = center_coefficient
        self._margins: list[torch.Tensor] = []

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,  # noqa: ARG002
        num_items_in_batch: Any = None,  # noqa: ARG002
    ) -> torch.Tensor:
        """The loss of a batch of ``collate``, and its margins for the log."""
        better, worse, weights = (inputs.pop(key) for key in ("better", "worse", "weights"))
        rewards = rewards_of(model, inputs)
        chosen, rejected = rewards[better], rewards[worse]
        self._margins.append((chosen - rejected).detach())
        return ranking_loss(chosen, rejected, weights, self._center_coefficient)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add what the pairs since the last entry came to, in the words of TRL's trainers."""
        if self._margins:
            margins = torch.cat(self._margins)
            logs["rewards/margins"] = float(margins.mean())
            logs["rewards/accuracies"] = float((margins > 0).float().mean())
            self._margins.clear()
        super().log(logs, start_time)


def ranking_loss(
    chosen: torch.Tensor, rejected: torch.Tensor, weights: torch.Tensor, center_coefficient: float
) -> torch.Tensor:
    """Σ w · (−log σ(r_c − r_r) + η · (r_c + r_r)²) over pairs.

    The first part is equation 1 of Ouyang et al. (2022), the second holds rewards around 0, which the first
    leaves open (Eisenstein et al., "Helping or herding?", 2023).

    Args:
        chosen: the rewards of the better answers, float32 [pairs]; ``rejected`` those of the worse ones.
        weights: what each pair counts, float32 [pairs], 1 in all: each prompt counts the same.
        center_coefficient: η.
    """
    return (weights * (center_coefficient * (chosen + rejected) ** 2 - logsigmoid(chosen - rejected))).sum()


def collate(rows: Sequence[EncodedRanking]) -> dict[str, torch.Tensor]:
    """The answers of all rows as a batch of ``pad_left``, and their pairs.

    ``better`` and ``worse`` are places among the answers, int64 [pairs]; ``weights`` float32 [pairs].
    """
    answers = [row.prompt_ids + answer for row in rows for answer in row.answers_ids]
    pairs: list[tuple[int, int]] = []
    weights: list[float] = []
    first = 0
    for row in rows:
        own = pairs_of(row.ranks)
        pairs += [(first + better, first + worse) for better, worse in own]
        weights += [1 / (len(own) * len(rows))] * len(own)
        first += len(row.answers_ids)
    better, worse = torch.tensor(pairs).unbind(1)
    return {**pad_left(answers), "better": better, "worse": worse, "weights": torch.tensor(weights)}


def pairs_of(ranks: Sequence[int]) -> list[tuple[int, int]]:
    """All pairs of the places of a better and of a worse answer; ``ranks`` never fall, and ties are none."""
    return [(i, j) for i, j in combinations(range(len(ranks)), 2) if ranks[i] < ranks[j]]


def split_by_prompt(
    rows: Sequence[EncodedRanking], share: float, seed: int
) -> tuple[list[EncodedRanking], list[EncodedRanking]]:
    """The rows to train on, and those of a share of the prompts to measure on: of one prompt at least."""
    held_out = held_out_prompts((tuple(row.prompt_ids) for row in rows), share, seed)
    return (
        [row for row in rows if tuple(row.prompt_ids) not in held_out],
        [row for row in rows if tuple(row.prompt_ids) in held_out],
    )


def held_out_details(model: RewardModel, rows: Sequence[EncodedRanking]) -> dict[str, float]:
    """The share of pairs in which the better answer has the higher reward, and how rewards are spread.

    The interval is a 95 % bootstrap of prompts, where there are two of them; nothing without rows.
    """
    if not rows:
        return {}
    rewards = model.score([(row.prompt_ids, answer) for row in rows for answer in row.answers_ids])
    right: defaultdict[tuple[int, ...], int] = defaultdict(int)
    pairs: defaultdict[tuple[int, ...], int] = defaultdict(int)
    values: Iterator[float] = iter(cast("Any", rewards).tolist())
    for row in rows:
        own = [next(values) for _ in row.answers_ids]
        for better, worse in pairs_of(row.ranks):
            right[tuple(row.prompt_ids)] += own[better] > own[worse]
            pairs[tuple(row.prompt_ids)] += 1
    details = {
        "eval/prompts": float(len(pairs)),
        "eval/pairs": float(sum(pairs.values())),
        "eval/pair_accuracy": sum(right.values()) / sum(pairs.values()),
        "eval/reward_mean": float(rewards.mean()),
        "eval/reward_std": float(rewards.std(correction=0)),
    }
    if len(pairs) > 1:
        interval = bootstrap_interval(
            np.array([right[prompt] for prompt in pairs], np.float64),
            np.array(list(pairs.values()), np.float64),
        )
        details |= {"eval/pair_accuracy_low": interval.low, "eval/pair_accuracy_high": interval.high}
    return details


def _with_adapter(network: Any, lora: LoraSection, start: Path | None) -> Any:
    """The network with an adapter, that of ``start`` or a new one, and a head to be trained."""
    untyped = cast("Any", peft)
    config = lora_config(lora) if start is None else untyped.LoraConfig.from_pretrained(str(start))
    config.task_type, config.inference_mode = TaskType.SEQ_CLS, False  # PEFT saves the head of this task
    head = network.score.weight
    trained = untyped.get_peft_model(network, config)
    if start is not None:
        weights = untyped.load_peft_weights(str(start), device="cpu")
        untyped.set_peft_model_state_dict(trained, {**weights, "base_model.model.score.weight": head})
    return trained


def _tokens(row: EncodedRanking) -> int:
    return sum(len(row.prompt_ids) + len(answer) for answer in row.answers_ids)
