"""From the scores of sampled answers to the advantage of each of their tokens.

All tensors are float32 [answers, tokens] but for ``mask``, bool [answers, tokens], which is true for the
tokens of an answer: they stand together at its start, and every answer has at least one.
"""

from __future__ import annotations

import torch
from torch import Tensor


def token_rewards(
    logprobs: Tensor, reference_logprobs: Tensor, scores: Tensor, mask: Tensor, beta: float
) -> Tensor:
    """−β·(log π − log π_ref) at each token, and the answer's score, float32 [answers], at its last.

    Their sum is the objective whose optimum is π ∝ π_ref·exp(score/β) (Ziegler et al. 2019,
    arXiv:1909.08593).
    """
    rewards = -beta * (logprobs - reference_logprobs) * mask
    last = mask.sum(dim=1, keepdim=True) - 1
    return rewards.scatter_add(1, last, scores[:, None])


def generalized_advantages(
    rewards: Tensor, values: Tensor, mask: Tensor, discount: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """The advantage of each token and the return that its value is to predict, both 0 outside the mask.

    δ_t = r_t + γ·V_{t+1} − V_t and A_t = δ_t + γλ·A_{t+1}, with V and A 0 after the last token; the return
    is A_t + V_t (Schulman et al. 2016, arXiv:1506.02438, eq. 11-16).
    """
    advantages = torch.zeros_like(rewards)
    next_advantage = next_value = torch.zeros_like(rewards[:, 0])
    for position in reversed(range(rewards.shape[1])):
        delta = rewards[:, position] + discount * next_value - values[:, position]
        inside = mask[:, position]
        next_advantage = (delta + discount * gae_lambda * next_advantage) * inside
        next_value = values[:, position] * inside
        advantages[:, position] = next_advantage
    return advantages, (advantages + values) * mask


def whiten(values: Tensor, mask: Tensor) -> Tensor:
    """``values`` with mean 0 and variance 1 over the mask, and 0 outside it."""
    inside = values[mask]
    spread = inside.std(correction=0) + 1e-8
    return (values - inside.mean()) / spread * mask
