"""Records add up to the documented rates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from eval.measures.answers import answer_measures
from eval.measures.measure import Direction, values_of
from eval.runs.record import CaseRecord
from tests.eval.metrics.records import answered, case, citation, failed, passage, refused

RECORDS = (
    answered(
        case("right", "First.", document="a.md"), "First [1].",
        citations=(citation(0, 10, quote="Alpha is first.", right=True),),
        tokens=(100, 4), found_at=1,
    ),
    answered(
        case("wrong source", "second", document="b.md"), "it is second. Maybe.",
        citations=(citation(0, 13, right=False),), groundedness=0.5, tokens=(100, 6), found_at=6,
    ),
    refused(case("refused wrongly", "fourth", document="b.md"), found_at=0),
    refused(case("refused rightly", answerable=False)),
    answered(
        case("answered wrongly", answerable=False, language="zh"), "乱说",
        citations=(citation(0, 2, exact=False, supported=False),), degraded="generator_unavailable",
    ),
)  # fmt: skip


def values(records: Sequence[CaseRecord]) -> dict[str, float | None]:
    return values_of(answer_measures(records))


def test_every_rate_counts_the_cases_it_says() -> None:
    found = values(RECORDS)
    assert found == {
        "em": pytest.approx(1 / 3),
        "f1": pytest.approx((1.0 + 0.4 + 0.0) / 3),
        "answer_contains": pytest.approx(2 / 3),
        "rouge_l": pytest.approx((1.0 + 0.4 + 0.0) / 3),
        "chrf": found["chrf"],
        "numeric_match": None,
        "cmrc_f1": None,
        "refusal_precision": pytest.approx(1 / 2),
        "refusal_recall": pytest.approx(1 / 2),
        "refusal_f1": pytest.approx(1 / 2),
        "false_refusal_rate": pytest.approx(1 / 3),
        "cited": 1.0,
        "citation_validity": pytest.approx(2 / 3),
        "citation_precision": pytest.approx(1 / 2),
        "citation_recall": pytest.approx(1 / 3),
        "quote_precision": pytest.approx(1 / 2),
        "quote_recall": pytest.approx(1 / 3),
        "groundedness": pytest.approx((1.0 + 0.5 + 1.0) / 3),
        "unsupported_sentence_rate": pytest.approx(2 / 4),
        "document_in_top_5": pytest.approx(1 / 3),
        "document_ndcg@10": pytest.approx((1 + 1 / math.log2(7)) / 3),
        "degraded": pytest.approx(1 / 5),
        "failed": 0.0,
        "answer_characters": pytest.approx((6 + 20 + 2) / 3),
        "prompt_tokens": pytest.approx(200 / 5),
        "completion_tokens": pytest.approx(10 / 5),
    }
    assert found["chrf"] is not None
    assert 1 / 3 < found["chrf"] < 2 / 3


def test_a_case_that_failed_is_unanswered_and_no_refusal() -> None:
    records = (*RECORDS, failed(case("failed", "x", document="b.md")), failed(case("f", answerable=False)))
    before, after = values(RECORDS), values(records)
    assert after["em"] == pytest.approx(1 / 4)
    assert after["citation_recall"] == pytest.approx(1 / 4)
    assert after["refusal_recall"] == pytest.approx(1 / 3)
    assert after["false_refusal_rate"] == pytest.approx(1 / 4)
    assert after["failed"] == pytest.approx(2 / 7)
    whole = ("refusal_precision", "cited", "groundedness", "degraded", "document_in_top_5", "prompt_tokens")
    assert {name: after[name] for name in whole} == {name: before[name] for name in whole}


def test_lower_is_better_of_what_goes_wrong_and_what_it_costs() -> None:
    directions = {measure.name: measure.direction for measure in answer_measures(RECORDS)}
    lower = {name for name, direction in directions.items() if direction is Direction.LOWER}
    assert lower == {
        "false_refusal_rate", "unsupported_sentence_rate", "degraded", "failed", "prompt_tokens",
        "completion_tokens",
    }  # fmt: skip
    assert directions["answer_characters"] is Direction.NEITHER


def test_an_oracle_run_knows_its_source_by_the_passages() -> None:
    asked = case("q", "x")
    cited = citation(0, 1, right=True)
    judged = answered(asked, "x.", citations=(cited,), passages=(passage(1, "x", relevant=True),))
    unknown = answered(asked, "x.", passages=(passage(1, "x"),))
    assert values([judged, unknown])["citation_recall"] == 1.0
    assert values([unknown])["citation_recall"] is None


def test_numbers_and_chinese_words_count_where_they_apply() -> None:
    records = (
        answered(case("number", "320 people"), "三百二十人"),
        answered(case("words", "people"), "people"),
        answered(case("chinese", "上海，北京", language="zh"), "北京，上海"),
    )
    found = values(records)
    assert found["numeric_match"] == 1.0
    assert found["cmrc_f1"] == pytest.approx(0.5)
    assert found["em"] == pytest.approx(1 / 3)


def test_an_answer_of_several_parts_must_say_each() -> None:
    asked = case("parts", "1870 and Rome", parts=(("1870",), ("Rome", "Roma")))
    assert values([answered(asked, "Roma, in 1870.")])["answer_contains"] == 1.0
    assert values([answered(asked, "In 1870.")])["answer_contains"] == 0.0
    assert values([refused(asked)])["answer_contains"] == 0.0


def test_the_abilities_of_rgb_are_read_off_the_tags() -> None:
    def asked(*tags: str) -> CaseRecord:
        return answered(case("q", "Rome", tags=tags, false_answers=("Oslo",)), "Rome.")

    told = answered(
        case("told", "Rome", tags=("counterfactual",), false_answers=("Oslo",)),
        "There are factual errors in the provided documents; it is Rome, not Oslo.",
    )
    records = (
        asked("noise:0.0"),
        asked("noise:0.8"),
        refused(case("noisy", "Rome", tags=("noise:0.8",))),
        asked("integration", "noise:0.8"),
        refused(case("nothing", answerable=False, tags=("rejection",))),
        asked("counterfactual"),
        told,
        answered(case("misled", "Rome", tags=("counterfactual",), false_answers=("Oslo",)), "Oslo."),
        answered(case("misled twice", "Rome", tags=("counterfactual",)), "文档中有事实性错误。"),
    )
    always = values([asked()])
    assert {name: value for name, value in values(records).items() if name not in always} == {
        "noise_robustness@0.0": 1.0,
        "noise_robustness@0.8": pytest.approx(1 / 2),
        "negative_rejection": 1.0,
        "information_integration": 1.0,
        "counterfactual_accuracy": pytest.approx(2 / 4),
        "error_detection": pytest.approx(2 / 4),
        "error_correction": pytest.approx(1 / 2),
        "error_repetition": pytest.approx(1 / 3),
    }


def test_no_record_gives_no_value() -> None:
    assert set(values([]).values()) == {None}
