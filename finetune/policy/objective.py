"""The losses of proximal policy optimisation, and how strongly the policy is held to its reference.

The losses are of each token, float32 [answers, tokens]; who sums them leaves out what is outside the mask.
"""

from __future__ import annotations

import torch
from torch import Tensor

_GAIN = 0.1
_LARGEST_ERROR = 0.2


def policy_loss(logprobs: Tensor, sampled_logprobs: Tensor, advantages: Tensor, clip_range: float) -> Tensor:
    """−min(ρ·A, clip(ρ, 1−ε, 1+ε)·A) with ρ = π/π_sampled (Schulman et al. 2017, arXiv:1707.06347, eq. 7)."""
    ratio = (logprobs - sampled_logprobs).exp()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    return -torch.minimum(ratio * advantages, clipped * advantages)


def value_loss(values: Tensor, sampled_values: Tensor, returns: Tensor, clip_range: float) -> Tensor:
    """½·max((V−R)², (clip(V, V_sampled±ε)−R)²): a value moves at most ε in one step."""
    clipped = sampled_values + (values - sampled_values).clamp(-clip_range, clip_range)
    return 0.5 * torch.maximum((values - returns) ** 2, (clipped - returns) ** 2)


def divergence(logprobs: Tensor, reference_logprobs: Tensor) -> Tensor:
    """An estimate of KL(π‖π_ref) at each sampled token, in nats, never negative and right on average.

    ρ − 1 − log ρ with ρ = π_ref/π (Schulman, Approximating KL divergence, 2020).
    """
    log_ratio = reference_logprobs - logprobs
    return torch.expm1(log_ratio) - log_ratio


def adapted_beta(beta: float, nats: float, target: float) -> float:
    """β·(1 + 0.1·e) with e = clip(KL/target − 1, ±0.2) (Ziegler et al. 2019, arXiv:1909.08593).

    Args:
        beta: the weight of the divergence in the step that was made.
        nats: the divergence of an answer in that step.
        target: what it should be.
    """
    error = max(-_LARGEST_ERROR, min(_LARGEST_ERROR, nats / target - 1))
    return beta * (1 + _GAIN * error)
