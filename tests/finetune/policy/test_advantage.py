from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from finetune.policy.advantage import generalized_advantages, token_rewards, whiten

NUMBERS = st.floats(-5, 5, width=32)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Two tensors float32 [answers, tokens], and the mask of answers of at least one token."""
    answers, tokens = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    first, second = (
        torch.tensor(
            draw(
                st.lists(
                    st.lists(NUMBERS, min_size=tokens, max_size=tokens), min_size=answers, max_size=answers
                )
            )
        )
        for _ in range(2)
    )
    lengths = torch.tensor(draw(st.lists(st.integers(1, tokens), min_size=answers, max_size=answers)))
    return first, second, torch.arange(tokens)[None] < lengths[:, None]


def written_out(rewards: list[float], values: list[float], discount: float, gae_lambda: float) -> list[float]:
    """The advantages of one answer by the sum of the definition: A_t = Σ_l (γλ)^l δ_{t+l}."""
    ahead = [*values[1:], 0.0]
    deltas = [
        reward + discount * after - value for reward, after, value in zip(rewards, ahead, values, strict=True)
    ]
    return [
        sum((discount * gae_lambda) ** later * delta for later, delta in enumerate(deltas[at:]))
        for at in range(len(deltas))
    ]


@given(batches(), st.floats(0, 1), st.floats(0, 1))
def test_advantages_are_the_discounted_sums_of_the_definition(
    batch: tuple[Tensor, Tensor, Tensor], discount: float, gae_lambda: float
) -> None:
    rewards, values, mask = batch
    advantages, returns = generalized_advantages(rewards, values, mask, discount, gae_lambda)
    for row, length in enumerate(mask.sum(1).tolist()):
        wanted = written_out(
            rewards[row, :length].tolist(), values[row, :length].tolist(), discount, gae_lambda
        )
        assert advantages[row, :length].tolist() == pytest.approx(wanted, abs=1e-4)
        assert torch.allclose(returns[row, :length], advantages[row, :length] + values[row, :length])
    assert not advantages[~mask].any()
    assert not returns[~mask].any()


def test_without_discounts_the_return_is_what_is_still_to_come() -> None:
    rewards = torch.tensor([[1.0, 2.0, 4.0]])
    _, returns = generalized_advantages(rewards, torch.rand(1, 3), torch.ones(1, 3, dtype=torch.bool), 1, 1)
    assert returns[0].tolist() == pytest.approx([7, 6, 4])


@given(batches(), st.floats(0, 2))
def test_the_rewards_of_an_answer_add_up_to_its_score_less_its_divergence(
    batch: tuple[Tensor, Tensor, Tensor], beta: float
) -> None:
    logprobs, reference, mask = batch
    scores = torch.arange(1.0, len(mask) + 1)
    rewards = token_rewards(logprobs, reference, scores, mask, beta)
    wanted = scores - beta * ((logprobs - reference) * mask).sum(1)
    assert torch.allclose(rewards.sum(1), wanted, atol=1e-4)
    assert not rewards[~mask].any()
    last = mask.sum(1) - 1
    without = token_rewards(logprobs, reference, torch.zeros_like(scores), mask, beta)
    assert torch.allclose((rewards - without)[torch.arange(len(mask)), last], scores, atol=1e-4)


@given(batches())
def test_whitened_numbers_have_mean_zero_and_variance_one(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    values, _, mask = batch
    white = whiten(values, mask)
    assert not white[~mask].any()
    if values[mask].std(correction=0) > 1e-3:
        assert float(white[mask].mean()) == pytest.approx(0, abs=1e-4)
        assert float(white[mask].std(correction=0)) == pytest.approx(1, abs=1e-3)
