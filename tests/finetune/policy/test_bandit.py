"""The update of PPO on a bandit, whose optimum is known: π ∝ π_ref·exp(reward/β)."""

from __future__ import annotations

from statistics import fmean

import pytest
import torch
from torch import Tensor

from finetune.policy.objective import adapted_beta, divergence
from finetune.policy.update import Experience, Updater
from finetune.settings.ppo import PpoSection

REFERENCE = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05]).log()
REWARDS = torch.tensor([0.0, 0.5, 1.0, 0.2, 0.9])


class Bandit:
    """A softmax over arms in place of a model, and one value in place of its head."""

    def __init__(self, learning_rate: float) -> None:
        self.logits = REFERENCE.clone().requires_grad_()
        self.value = torch.zeros(1, requires_grad=True)
        groups = [{"params": [self.logits]}, {"params": [self.value]}]
        self.optimizer = torch.optim.Adam(groups, lr=learning_rate)

    def step(self, updater: Updater, beta: float, pulls: int = 512) -> float:
        """Pull, update, and return the estimated divergence from the reference before it."""
        with torch.no_grad():
            arms = torch.multinomial(self.logits.softmax(-1), pulls, replacement=True)
            logprobs, values = self.evaluate(arms)
        reference = REFERENCE[arms][:, None]
        mask = torch.ones_like(logprobs, dtype=torch.bool)
        experience = Experience(logprobs, reference, values, REWARDS[arms], mask)
        updater.improve(lambda rows: self.evaluate(arms[rows]), self.optimizer, experience, beta)
        return float(divergence(logprobs, reference).mean())

    def evaluate(self, arms: Tensor) -> tuple[Tensor, Tensor]:
        return self.logits.log_softmax(-1)[arms][:, None], self.value * torch.ones(len(arms), 1)


def distance(first: Tensor, second: Tensor) -> float:
    """KL(first‖second) of two log-distributions, in nats."""
    return float((first.exp() * (first - second)).sum())


@pytest.mark.parametrize("beta", [0.2, 1.0])
def test_the_update_converges_to_the_optimum_of_the_regularised_reward(beta: float) -> None:
    torch.manual_seed(0)
    updater = Updater(PpoSection(num_mini_batches=2), max_grad_norm=1.0, forward_rows=256)
    bandit, steps = Bandit(learning_rate=0.1), 40
    for step in range(steps):
        for group in bandit.optimizer.param_groups:
            group["lr"] = 0.1 * (1 - step / steps)
        bandit.step(updater, beta)
    optimum = (REFERENCE + REWARDS / beta).log_softmax(-1)
    assert distance(REFERENCE, optimum) > 0.05
    assert distance(bandit.logits.detach().log_softmax(-1), optimum) < 0.01


def test_the_weight_of_the_divergence_is_moved_until_the_policy_is_as_far_off_as_wanted() -> None:
    torch.manual_seed(0)
    updater = Updater(PpoSection(num_ppo_epochs=2), max_grad_norm=1.0, forward_rows=512)
    bandit, beta, target = Bandit(learning_rate=0.05), 1.0, 0.3
    distances: list[float] = []
    for _ in range(80):
        distances.append(bandit.step(updater, beta))
        beta = adapted_beta(beta, distances[-1], target)
    assert beta < 1
    assert fmean(distances[-20:]) == pytest.approx(target, rel=0.1)
