from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.data.rows import ExampleKind, TrainingExample
from finetune.rewards.verifiable import RewardParts, is_verifiable, judge, mean_parts, total
from finetune.settings.rollout import RewardWeights
from service.generate import Message
from service.prompt import template_for

GOLD = TrainingExample(
    id="gold",
    messages=(Message("user", "Which port?"),),
    sources=("The rank is 16.", "The port of the service is 8080.", "Ports are numbers."),
    target="The port is 8080. [2]",
    kind=ExampleKind.GOLD,
    language="en",
    prompt_id=None,
    snapshot_id=None,
    dataset_sha256="d",
    answers=("8080", "port 8080"),
)
REFUSAL = replace(GOLD, id="refusal", kind=ExampleKind.REFUSAL, target=template_for("en").refusal, answers=())
CHINESE = replace(
    GOLD,
    id="chinese",
    sources=("端口是8080。", "工资由财务处于每月十五日发放。"),
    target="每月十五日。[2]",
    language="zh",
    answers=("十五日",),
)
WEIGHTS = RewardWeights()
SHARE = st.floats(0, 1)
PIECES = ["8080", "16", "the port", "is", ".", " ", "[1]", "[2]", "[9]", "[1, 2]", "I don't know", "。"]
ANSWERS = st.lists(st.sampled_from(PIECES)).map(" ".join)


@st.composite
def all_parts(draw: st.DrawFn) -> RewardParts:
    numbers = [draw(SHARE) for _ in range(5)]
    return RewardParts(draw(st.booleans()), draw(st.booleans()), *numbers)


def reward(answer: str, example: TrainingExample = GOLD, *, ended: bool = True) -> float:
    return total(judge(example, answer, ended=ended), WEIGHTS)


def test_the_answer_itself_with_the_right_source_earns_everything() -> None:
    assert reward("8080. [2]") == 1
    assert reward("Port 8080 [2].") == 1


def test_chinese_is_compared_by_its_characters() -> None:
    assert reward("十五日。[2]", CHINESE) == 1
    parts = judge(CHINESE, "每月十五日。[2]", ended=True)
    assert (parts.f1, parts.exact, parts.citation, parts.right) == (pytest.approx(0.75), 0, 1, True)


def test_a_wrong_answer_earns_nothing_for_its_citations_and_its_form() -> None:
    assert reward("Ports are numbers. [2]") == 0
    # One of its words is right, which earns as much with the right source as with none.
    partly = "the number of it all that is known: the port. [2]"
    assert reward(partly) == reward(partly.replace(" [2]", "")) < 0.2


def test_a_citation_counts_when_its_source_holds_the_answer() -> None:
    assert judge(GOLD, "8080. [1]", ended=True).citation == 0
    assert judge(GOLD, "8080. [9]", ended=True).citation == 0
    assert judge(GOLD, "8080.", ended=True).citation == 0
    spread = judge(GOLD, "8080. [1][2][9]", ended=True)
    assert (spread.citation_precision, spread.citation_recall) == (pytest.approx(1 / 3), 1)
    assert judge(GOLD, "8080. [1, 2]", ended=True).citation_precision == 0.5
    half = judge(GOLD, "The port is 8080. [2] It is a port.", ended=True)
    assert (half.citation_precision, half.citation_recall) == (1, 0.5)


def test_the_source_that_the_target_cites_is_right_however_it_words_the_answer() -> None:
    example = replace(GOLD, answers=("eight thousand and eighty",))
    assert judge(example, "Eight thousand and eighty. [2]", ended=True).citation == 1


def test_to_refuse_is_right_exactly_when_the_sources_do_not_tell() -> None:
    refusal = template_for("en").refusal
    assert reward(refusal, REFUSAL) == 1
    assert reward(refusal, GOLD) == 0
    assert reward("8080. [2]", REFUSAL) == 0
    assert (
        reward(template_for("zh").refusal, replace(REFUSAL, language="zh", target=template_for("zh").refusal))
        == 1
    )
    assert judge(REFUSAL, refusal, ended=True).refused


def test_a_refusal_that_talks_on_or_cites_earns_less() -> None:
    refusal = template_for("en").refusal
    assert 0 < reward(f"{refusal} The port is 8080. [2]", REFUSAL) < reward(f"{refusal} [2]", REFUSAL) < 1


def test_an_answer_that_does_not_end_or_is_too_long_earns_less() -> None:
    assert reward("8080. [2]", ended=False) == pytest.approx(1 - 0.25 / 2.25)
    rambling = "8080 " + "and so on " * 20
    assert judge(GOLD, rambling, ended=True).form == pytest.approx(6 / 61)
    assert judge(GOLD, rambling, ended=True).right


def test_nothing_said_earns_nothing() -> None:
    assert reward("") == reward("[2]") == reward("", REFUSAL) == 0


def test_what_rules_cannot_judge_is_told_apart() -> None:
    assert is_verifiable(GOLD)
    assert is_verifiable(REFUSAL)
    assert not is_verifiable(replace(GOLD, answers=()))
    assert not is_verifiable(replace(GOLD, answers=("?",)))
    assert not is_verifiable(replace(GOLD, kind=ExampleKind.REPLAY))


def test_the_means_of_the_parts_are_taken_over_all_answers() -> None:
    means = mean_parts([judge(GOLD, "8080. [2]", ended=True), judge(GOLD, "I don't know", ended=True)])
    assert means == {"right": 0.5, "f1": 0.5, "citation": 0.5, "form": 0.5, "refused": 0.5}


@given(ANSWERS, st.booleans(), st.sampled_from([GOLD, REFUSAL]))
def test_whatever_is_said_every_part_and_the_reward_are_in_bounds(
    answer: str, ended: bool, example: TrainingExample
) -> None:
    parts = judge(example, answer, ended=ended)
    numbers = (
        parts.f1,
        parts.exact,
        parts.citation_precision,
        parts.citation_recall,
        parts.citation,
        parts.form,
    )
    assert all(0 <= number <= 1 for number in (*numbers, total(parts, WEIGHTS)))
    assert total(parts, WEIGHTS) <= total(judge(example, answer, ended=True), WEIGHTS)


@given(ANSWERS, st.sampled_from(["", "[1]", "[2]", "[1][2][3]"]))
def test_no_citation_makes_a_wrong_answer_earn_more(answer: str, citation: str) -> None:
    parts = judge(GOLD, f"{answer} {citation}", ended=True)
    if not parts.right:
        assert total(parts, WEIGHTS) == total(replace(parts, citation_precision=0.0, form=0.0), WEIGHTS)


@given(all_parts(), st.sampled_from(["f1", "exact", "citation_precision", "citation_recall", "form"]), SHARE)
def test_the_reward_never_falls_when_a_part_rises(parts: RewardParts, name: str, other: float) -> None:
    lower, higher = sorted((getattr(parts, name), other))
    before = total(replace(parts, **{name: lower}), WEIGHTS)
    assert before <= total(replace(parts, **{name: higher}), WEIGHTS) + 1e-12
    assert total(replace(parts, right=False), WEIGHTS) <= total(replace(parts, right=True), WEIGHTS)
