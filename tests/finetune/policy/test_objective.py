from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finetune.policy.objective import adapted_beta, divergence, policy_loss, value_loss

LOGPROB = st.floats(-10, 0, width=32)
NUMBER = st.floats(-5, 5, width=32)


def scalar(value: float) -> torch.Tensor:
    return torch.tensor([[value]], requires_grad=True)


@given(LOGPROB, LOGPROB)
def test_the_estimate_of_the_divergence_is_never_negative(logprob: float, reference: float) -> None:
    found = float(divergence(torch.tensor(logprob), torch.tensor(reference)))
    assert found >= -1e-6
    if logprob == reference:
        assert found == 0


def test_the_estimate_of_the_divergence_is_right_on_average() -> None:
    policy, reference = torch.tensor([0.5, 0.3, 0.2]).log(), torch.tensor([0.2, 0.3, 0.5]).log()
    wanted = (policy.exp() * (policy - reference)).sum()
    assert float((policy.exp() * divergence(policy, reference)).sum()) == pytest.approx(
        float(wanted), abs=1e-6
    )


@pytest.mark.parametrize(("advantage", "ratio"), [(1.0, 1.5), (-1.0, 0.5)])
def test_a_token_that_has_moved_far_enough_is_pushed_no_further(advantage: float, ratio: float) -> None:
    logprob = scalar(float(torch.tensor(ratio).log()))
    policy_loss(logprob, torch.zeros(1, 1), torch.tensor([[advantage]]), 0.2).sum().backward()
    assert logprob.grad is not None
    assert float(logprob.grad) == 0


@pytest.mark.parametrize(("advantage", "ratio"), [(1.0, 0.5), (-1.0, 1.5), (1.0, 1.0)])
def test_a_token_that_has_moved_the_wrong_way_is_pulled_back(advantage: float, ratio: float) -> None:
    logprob = scalar(float(torch.tensor(ratio).log()))
    policy_loss(logprob, torch.zeros(1, 1), torch.tensor([[advantage]]), 0.2).sum().backward()
    assert logprob.grad is not None
    assert float(logprob.grad) == pytest.approx(-advantage * ratio, rel=1e-5)


@given(NUMBER, NUMBER, NUMBER)
def test_the_clipped_value_loss_is_no_less_than_the_plain_one(
    value: float, old: float, wanted: float
) -> None:
    loss = float(value_loss(torch.tensor(value), torch.tensor(old), torch.tensor(wanted), 0.2))
    assert loss >= 0.5 * (value - wanted) ** 2 - 1e-4
    if abs(value - old) <= 0.2:
        assert loss == pytest.approx(0.5 * (value - wanted) ** 2, abs=1e-4)


@given(st.floats(1e-3, 10), st.floats(0, 100), st.floats(0.1, 10))
def test_beta_rises_when_the_policy_is_too_far_off_and_never_by_more_than_two_percent(
    beta: float, nats: float, target: float
) -> None:
    changed = adapted_beta(beta, nats, target)
    assert 0.98 * beta - 1e-9 <= changed <= 1.02 * beta + 1e-9
    assert (changed - beta) * (nats - target) >= 0
