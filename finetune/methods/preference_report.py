"""What training on preferences is watched for: both answers losing likelihood, and answers changing length.

A preference loss sees the better answer only beside the worse one, and is content when both become unlikely
(Pal et al., "Smaug", 2024; Razin et al., "Unintentional unalignment", 2024). And where the better answers of
the data are the longer ones, length itself is learned (Park et al., "Disentangling length", 2024).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean
from typing import Any

import torch

from finetune.training.padding import pad_left
from finetune.training.run_log import RunLog
from finetune.training.trainer import run_trainer

logger = logging.getLogger(__name__)

SIDES = ("chosen", "rejected")
# Nats a token under the reference from which an answer counts as lost: its tokens are 10 % less likely.
FALL = 0.1
# How many times as long as before and as the liked answers an answer must be, or as short, to have drifted.
DRIFT = 1.5
_TAIL = 0.1
# What a run's log holds beside its loss, margins and accuracies: nats and tokens an answer.
FIGURES = (*(f"{figure}/{side}" for figure in ("rewards", "logps", "lengths") for side in SIDES), "kl")
_REPORTED = ("rewards/margins", "rewards/accuracies", *FIGURES)


def run_watched(trainer: Any, log: RunLog, probe: LengthProbe, beta: float) -> dict[str, float]:
    """Train to the end as ``run_trainer`` does, with a warning for each alarm; returns the run's details."""
    before = probe.tokens(trainer.model)
    run_trainer(trainer, log)
    after = probe.tokens(trainer.model)
    details = preference_details(log.curve, beta) | probe.details(before, after)
    warn_of(details)
    return details


def preference_details(curve: Sequence[Mapping[str, float]], beta: float) -> dict[str, float]:
    """The figures of a run's end: means over the last tenth of its curve, under the names they have there.

    ``logps`` are nats an answer, ``lengths`` tokens an answer, ``rewards`` β log(π / π_ref). Added are
    ``change``, the nats a token that answers gained on the reference, and ``both_fell``, 1 where the chosen
    and the rejected ones lost more than ``FALL``.
    """
    tail = curve[-max(1, round(len(curve) * _TAIL)) :]
    found = {key: [entry[key] for entry in tail if key in entry] for key in _REPORTED}
    details = {key: fmean(values) for key, values in found.items() if values}
    for side in SIDES:
        if f"rewards/{side}" in details:  # a few judged answers may all be good, or all bad
            nats = details[f"rewards/{side}"] / beta
            details[f"change/{side}"] = nats / details[f"lengths/{side}"]
    fell = all(details.get(f"change/{side}", 0.0) < -FALL for side in SIDES)
    return {**details, "both_fell": float(fell)}


@dataclass(frozen=True, slots=True)
class LengthProbe:
    """Prompts that are answered before and after training, as a server at temperature 0 answers them.

    ``liked_tokens`` is the mean length of the answers that are learned; ``end`` the id that ends an answer.
    """

    prompts: Sequence[list[int]]
    liked_tokens: float
    end: int

    def tokens(self, model: Any) -> float:
        """The mean length of the answers, ends counted, each cut at twice that of the liked ones."""
        if not self.prompts:
            return 0.0
        batch = pad_left(self.prompts, model.device)
        ids: torch.Tensor = model.eval().generate(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            max_new_tokens=ceil(2 * self.liked_tokens),
            do_sample=False,
            use_cache=True,
            eos_token_id=self.end,
            pad_token_id=self.end,
        )
        answers = ids[:, batch["input_ids"].shape[1] :]
        before_end = (answers == self.end).cumsum(1) == 0
        return float((before_end.sum(1) + 1).clamp(max=answers.shape[1]).float().mean())

    def details(self, before: float, after: float) -> dict[str, float]:
        """The lengths before and after training, and ``length_drifted``, 1 where the change is an alarm."""
        if not self.prompts:
            return {}
        usual = sorted((before, self.liked_tokens))
        drifted = not usual[0] / DRIFT <= after <= usual[1] * DRIFT
        return {
            "sampled_tokens/before": before,
            "sampled_tokens/after": after,
            "length_drifted": float(drifted),
        }


def warn_of(details: Mapping[str, float]) -> None:
    """Log a warning for each alarm in the details of a run."""
    if details.get("both_fell"):
        logger.warning(
            "the chosen answers lost %.2f and the rejected ones %.2f nats a token: lower the learning rate, "
            "raise beta, or in dpo weigh the loss sft more.",
            -details["change/chosen"],
            -details["change/rejected"],
        )
    if details.get("length_drifted"):
        logger.warning(
            "answers have %.0f tokens now, %.0f before: balance the lengths in the data, or raise beta.",
            details["sampled_tokens/after"],
            details["sampled_tokens/before"],
        )
