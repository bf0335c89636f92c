"""One step of a policy from answers that it sampled. What the policy is, is none of its business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from finetune.policy.advantage import generalized_advantages, token_rewards, whiten
from finetune.policy.objective import policy_loss, value_loss
from finetune.settings.ppo import PpoSection

Evaluate = Callable[[Tensor], tuple[Tensor, Tensor]]
"""The log-probabilities and values, float32 [indices, tokens], of the answers with some indices, int64, as
the policy is now, with their gradients."""


@dataclass(frozen=True, slots=True)
class Experience:
    """Answers as the policy and its reference saw them when they were sampled.

    All are float32 [answers, tokens] but ``scores``, float32 [answers], and ``mask``, bool [answers, tokens].
    """

    logprobs: Tensor
    reference_logprobs: Tensor
    values: Tensor
    scores: Tensor
    mask: Tensor


@dataclass(frozen=True, slots=True)
class StepLosses:
    """Means over the tokens of all updates of a step."""

    policy: float
    value: float


@dataclass(frozen=True, slots=True)
class Updater:
    """How a policy is improved.

    ``max_grad_norm`` holds for each group of the optimizer's parameters by itself; ``forward_rows`` answers
    go through the policy at once.
    """

    ppo: PpoSection
    max_grad_norm: float
    forward_rows: int

    def improve(
        self, evaluate: Evaluate, optimizer: torch.optim.Optimizer, experience: Experience, beta: float
    ) -> StepLosses:
        """Pass over ``experience`` as often as the settings say, in an order drawn anew each time."""
        rewards = token_rewards(
            experience.logprobs, experience.reference_logprobs, experience.scores, experience.mask, beta
        )
        advantages, returns = generalized_advantages(
            rewards, experience.values, experience.mask, self.ppo.discount, self.ppo.gae_lambda
        )
        advantages = whiten(advantages, experience.mask)
        losses: list[Tensor] = []
        for _ in range(self.ppo.num_ppo_epochs):
            for rows in torch.randperm(len(experience.mask)).tensor_split(self.ppo.num_mini_batches):
                optimizer.zero_grad(set_to_none=True)
                share = 1 / experience.mask[rows].sum()
                parts = [
                    self._backward(evaluate, experience, advantages, returns, part, share)
                    for part in _pieces(rows, self.forward_rows)
                ]
                for group in optimizer.param_groups:
                    torch.nn.utils.clip_grad_norm_(group["params"], self.max_grad_norm)
                optimizer.step()
                losses.append(torch.stack(parts).sum(dim=0))
        means = torch.stack(losses).mean(dim=0)
        return StepLosses(float(means[0]), float(means[1]))

    def _backward(
        self,
        evaluate: Evaluate,
        experience: Experience,
        advantages: Tensor,
        returns: Tensor,
        part: Tensor,
        share: Tensor,
    ) -> Tensor:
        """Add the gradients of the answers ``part``, each token counting ``share``; the two losses [2]."""
        logprobs, values = evaluate(part)
        policy = policy_loss(logprobs, experience.logprobs[part], advantages[part], self.ppo.clip_range)
        value = value_loss(values, experience.values[part], returns[part], self.ppo.clip_range_value)
        losses = torch.stack([(loss * experience.mask[part]).sum() * share for loss in (policy, value)])
        torch.autograd.backward(losses.sum())
        return losses.detach()


def _pieces(rows: Tensor, size: int) -> list[Tensor]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
