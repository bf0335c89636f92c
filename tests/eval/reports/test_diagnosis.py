"""Each kind of wrong answer gets the diagnosis that is documented for it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from eval.reports.diagnosis import Diagnosis, diagnose, loss, worst_cases
from eval.runs.record import CaseRecord
from tests.eval.reports import records
from tests.eval.reports.records import ANSWER, CASE, RECORDS


@pytest.mark.parametrize(
    ("record", "diagnosis"),
    [
        (records.RIGHT, None),
        (records.REFUSED_RIGHTLY, None),
        (records.FAILED, Diagnosis.FAILED),
        (records.MISSED, Diagnosis.RETRIEVAL_MISSED),
        (records.WRONG, Diagnosis.GENERATOR_IGNORED),
        (records.REFUSED, Diagnosis.WRONGLY_REFUSED),
        (records.INVENTED, Diagnosis.UNSUPPORTED),
    ],
    ids=lambda value: value.case.id if isinstance(value, CaseRecord) else "",
)
def test_a_case_is_diagnosed(record: CaseRecord, diagnosis: Diagnosis | None) -> None:
    assert diagnose(record) is diagnosis


def test_a_refusal_is_retrievals_fault_where_nothing_expected_was_found() -> None:
    refused = CaseRecord(CASE, replace(ANSWER, abstained=True, passages=()))
    assert diagnose(refused) is Diagnosis.RETRIEVAL_MISSED


def test_without_known_places_retrieval_is_not_blamed() -> None:
    unknown = replace(CASE, relevant=(), answers=("something else",))
    answer = replace(ANSWER, passages=(records.passage(relevant=None),))
    assert diagnose(CaseRecord(unknown, answer)) is Diagnosis.GENERATOR_IGNORED


def test_a_right_answer_needs_support_for_each_sentence() -> None:
    assert diagnose(CaseRecord(CASE, replace(ANSWER, groundedness=0.5))) is Diagnosis.UNSUPPORTED


def test_a_long_answer_is_right_by_the_words_it_shares() -> None:
    long = replace(CASE, answers=("word pieces, of which 256 are read",))
    assert diagnose(CaseRecord(long, ANSWER)) is None


def test_the_worst_come_first_and_the_surest_among_equals() -> None:
    worst = [record.case.id for record in worst_cases(RECORDS, 20)]
    assert worst == ["invented", "missed", "wrong", "refused", "failed"]
    assert [record.case.id for record in worst_cases(RECORDS, 2)] == worst[:2]


def test_the_order_of_the_records_is_without_effect() -> None:
    shuffled = list(RECORDS)
    random.Random(1).shuffle(shuffled)
    assert worst_cases(shuffled, 20) == worst_cases(RECORDS, 20)


def test_a_loss_is_a_share_and_nought_where_all_is_well() -> None:
    losses = {record.case.id: loss(record) for record in RECORDS}
    assert all(0.0 <= value <= 1.0 for value in losses.values())
    assert {name for name, value in losses.items() if value == 0.0} == {"right", "refused rightly"}
