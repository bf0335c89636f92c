"""Cases are told apart by language, tag and answerability."""

from __future__ import annotations

import numpy as np

from eval.measures.answers import answer_measures
from eval.measures.measure import values_of
from eval.measures.slices import by_label, case_slices, source_clusters
from tests.eval.metrics.records import answered, case, refused

RECORDS = (
    answered(case("1", "x", tags=("noise:0.4", "hard"), document="a.md"), "x"),
    refused(case("2", "x", language="zh", tags=("hard",), document="b.md")),
    refused(case("3", answerable=False, language="zh", document="a.md")),
    refused(case("4", answerable=False)),
)


def test_a_case_is_in_each_of_its_slices() -> None:
    slices = case_slices(RECORDS)
    assert {name: np.flatnonzero(chosen).tolist() for name, chosen in slices.items()} == {
        "answerable:no": [2, 3],
        "answerable:yes": [0, 1],
        "language:en": [0, 3],
        "language:zh": [1, 2],
        "tag:hard": [0, 1],
        "tag:noise:0.4": [0],
    }


def test_the_measures_of_a_slice_are_those_of_its_records() -> None:
    measures = answer_measures(RECORDS)
    hard = case_slices(RECORDS)["tag:hard"]
    assert values_of(measure.of(hard) for measure in measures) == values_of(answer_measures(RECORDS[:2]))
    assert by_label([]) == {}


def test_cases_of_one_document_are_a_cluster() -> None:
    first, second, third, fourth = source_clusters(RECORDS).tolist()
    assert first == third
    assert len({first, second, fourth}) == 3
