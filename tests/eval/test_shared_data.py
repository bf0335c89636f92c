"""Real data sets, which are not part of the repository, are read as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eval.cases.read import read_cases
from eval.retrieval.datasets import read_dataset


@pytest.fixture
def data() -> Path:
    root = Path(__file__).resolve().parents[2]
    data = Path(os.environ.get("SHARED_FOLDER", root.parent / "shared")) / "data" / "dev"
    if not data.is_dir():
        pytest.skip("the development data are not here: set SHARED_FOLDER to the folder that holds data/dev")
    return data


def test_queries_of_a_retrieval_set_are_cases_with_their_passage(data: Path) -> None:
    dataset = read_dataset(data / "xquad_en", limit=50)
    cases = read_cases(data / "xquad_en" / "queries.jsonl", limit=50)
    assert [case.id for case in cases] == [query.id for query in dataset.queries]
    for case, query in zip(cases, dataset.queries, strict=True):
        assert case.source in query.grades
        assert case.answers[0] in case.passages[0].text


def test_only_queries_that_no_model_was_trained_on_are_read(data: Path) -> None:
    assert len(read_dataset(data / "clapnq_en").queries) == 112
    cases = read_cases(data / "clapnq_en" / "queries.jsonl")
    assert len(cases) == 221
    assert sum(case.answerable for case in cases) == 112


def test_fine_tuning_rows_are_cases_for_an_oracle_run(data: Path) -> None:
    cases = read_cases(data / "sft" / "valid.jsonl")
    assert len(cases) == 379
    assert {case.language for case in cases} == {"en", "zh", "zh-Hant"}
    for case in cases:
        assert case.passages
        assert any(passage.relevant for passage in case.passages) or not case.answerable
