from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

pytest.importorskip("trl")

import torch

from finetune.methods.preference_report import LengthProbe, preference_details, warn_of

BETA = 0.1


def entry(chosen_nats: float, rejected_nats: float) -> dict[str, float]:
    return {
        "rewards/chosen": BETA * chosen_nats,
        "rewards/rejected": BETA * rejected_nats,
        "rewards/margins": BETA * (chosen_nats - rejected_nats),
        "logps/chosen": -30 + chosen_nats,
        "logps/rejected": -40 + rejected_nats,
        "lengths/chosen": 10.0,
        "lengths/rejected": 20.0,
    }


def test_the_details_are_of_the_last_tenth_of_the_curve_in_nats_a_token() -> None:
    curve = [entry(-50, -50)] * 18 + [entry(1, -4), entry(3, -8)]
    details = preference_details(curve, BETA)
    assert details["change/chosen"] == pytest.approx(0.2)
    assert details["change/rejected"] == pytest.approx(-0.3)
    assert details["rewards/margins"] == pytest.approx(0.8)
    assert details["logps/chosen"] == pytest.approx(-28)
    assert details["lengths/rejected"] == 20
    assert details["both_fell"] == 0


@pytest.mark.parametrize(
    ("chosen_nats", "rejected_nats", "alarm"), [(-1.1, -2.1, 1), (-0.9, -9, 0), (1, -9, 0), (-9, -1.9, 0)]
)
def test_an_alarm_is_raised_when_both_answers_lose_a_tenth_of_a_nat_a_token(
    chosen_nats: float, rejected_nats: float, alarm: float, caplog: pytest.LogCaptureFixture
) -> None:
    details = preference_details([entry(chosen_nats, rejected_nats)], BETA)
    assert details["both_fell"] == alarm
    with caplog.at_level(logging.WARNING):
        warn_of(details)
    assert len(caplog.messages) == alarm


def test_steps_that_saw_one_side_only_count_for_that_side() -> None:
    one_sided = {key: value for key, value in entry(-5, 0).items() if key.endswith("/chosen")}
    details = preference_details([one_sided], BETA)
    assert details["change/chosen"] == pytest.approx(-0.5)
    assert "change/rejected" not in details
    assert details["both_fell"] == 0


@pytest.mark.parametrize(
    ("before", "after", "alarm"),
    [(10, 12, 0), (10, 16, 1), (10, 6, 1), (30, 16, 0), (30, 10, 0), (2, 15, 0), (10, 10, 0)],
)
def test_an_alarm_is_raised_when_answers_leave_the_lengths_they_had_and_were_to_have(
    before: float, after: float, alarm: float, caplog: pytest.LogCaptureFixture
) -> None:
    details = LengthProbe([[1]], 10.0, 2).details(before, after)
    assert details["length_drifted"] == alarm
    with caplog.at_level(logging.WARNING):
        warn_of(details)
    assert len(caplog.messages) == alarm


class Answering:
    """A model that answers every prompt with the ids it was made with."""

    device = torch.device("cpu")

    def __init__(self, *answers: list[int]) -> None:
        self.answers = torch.tensor(answers)
        self.asked: SimpleNamespace | None = None

    def eval(self) -> Answering:
        return self

    def generate(self, **asked: object) -> torch.Tensor:
        self.asked = SimpleNamespace(**asked)
        prompts: torch.Tensor = self.asked.input_ids
        return torch.cat([prompts, self.answers], dim=1)


def test_the_length_of_an_answer_ends_with_its_end_or_with_the_limit() -> None:
    model = Answering([5, 2, 2, 2], [5, 5, 5, 2], [5, 5, 5, 5])
    probe = LengthProbe([[1], [1, 1], [1]], 1.6, 2)
    assert probe.tokens(model) == pytest.approx((2 + 4 + 4) / 3)
    assert model.asked is not None
    assert model.asked.max_new_tokens == 4
    assert model.asked.attention_mask.tolist() == [[0, 1], [1, 1], [0, 1]]


def test_without_prompts_nothing_is_sampled() -> None:
    probe = LengthProbe([], 10.0, 2)
    assert probe.tokens(None) == 0
    assert probe.details(0, 0) == {}
