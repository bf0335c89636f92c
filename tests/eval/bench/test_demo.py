"""The demo benchmark counts what it says."""

from __future__ import annotations

import dataclasses

import pytest

from eval.answering.in_process import CollectionAnswerer
from eval.answering.window import answer_cases
from eval.bench.demo import (
    count_pages,
    documents_found,
    exact_citations,
    generation_figures,
    refusals,
    right_citations,
)
from eval.bench.figures import Share
from eval.cases.case import Case, Relevant
from eval.runs.record import CaseRecord
from ingest.document import Document, Page
from service.answer import Degradation
from tests.eval.fakes import FakePipeline

CASES = (
    Case("found", "Alpha", "en", ("first",), True, (Relevant("a.md", "is first"),)),
    Case("chinese", "贝塔", "zh", ("第二",), True, (Relevant("b.md", "是第二"),)),
    Case("refused", "Delta", "en", ("fourth",), True, (Relevant("b.md"),)),
    Case("unknown", "Gamma", "en", (), False),
)


@pytest.fixture
async def records() -> list[CaseRecord]:
    pipeline = FakePipeline(
        texts={"file:///a.md": "Alpha is first.", "file:///b.md": "贝塔是第二，不是第三。"},
        says={"Alpha": ("file:///a.md", "first [1]"), "贝塔": ("file:///a.md", "第二 [1]")},
    )
    return [record async for record in answer_cases(CollectionAnswerer(pipeline, pipeline), CASES)]


@pytest.mark.anyio
async def test_shares_are_counted_over_the_cases_they_name(records: list[CaseRecord]) -> None:
    assert documents_found(records) == {"en": Share(2, 2), "zh": Share(1, 1)}
    assert refusals(records, answerable=False) == Share(1, 1)
    assert refusals(records, answerable=True) == Share(1, 3)
    assert exact_citations(records) == Share(2, 2)
    assert right_citations(records) == Share(1, 2)


@pytest.mark.anyio
async def test_times_are_of_answers_that_a_generator_was_asked_for(records: list[CaseRecord]) -> None:
    found, chinese, *_ = records
    assert chinese.answer is not None
    extractive = dataclasses.replace(chinese.answer, degraded=Degradation.LANGUAGE)
    quick = dataclasses.replace(chinese, answer=extractive, first_token_ms=0.0, total_ms=0.0)
    slow = dataclasses.replace(found, first_token_ms=100.0, total_ms=200.0)
    figures = generation_figures([slow, quick])
    assert figures is not None
    assert (figures.answers, figures.first_token_p50_ms, figures.total_p50_ms) == (1, 100.0, 200.0)
    assert figures.own_words == Share(1, 1)
    assert generation_figures([quick]) is None


def test_pages_are_those_of_the_file_or_what_its_text_would_fill() -> None:
    document = Document("d", "u", "t", "x" * 3_001, "en", (), (), "0")
    assert count_pages(document) == 2
    assert count_pages(dataclasses.replace(document, language="zh")) == 3
    assert count_pages(dataclasses.replace(document, pages=(Page(1, 0, 3_001),))) == 1
