"""A case becomes a record in which every passage and citation has been checked."""

from __future__ import annotations

import dataclasses

import pytest

from eval.answering.in_process import CollectionAnswerer, OracleAnswerer, oracle_passages
from eval.cases.case import Case, CasePassage, Relevant
from eval.runs.record import AnswerRecord, CaseRecord
from ingest.errors import CasesError
from tests.eval.fakes import FakePipeline

TEXTS = {"file:///a.md": "Alpha is first.", "file:///b.md": "Beta is second."}
SAYS = {"Beta": ("file:///b.md", "Beta is second [2]."), "Alpha": ("file:///b.md", "It is Beta [2].")}
BETA = Case("b", "Beta", "en", ("second",), True, (Relevant("b.md", "is second"),))
ALPHA = Case("a", "Alpha", "en", ("first",), True, (Relevant("a.md", "is first"),))
UNKNOWN = Case("u", "Gamma", "en", (), False)

pytestmark = pytest.mark.anyio


@pytest.fixture
def pipeline() -> FakePipeline:
    return FakePipeline(TEXTS, SAYS)


async def record(pipeline: FakePipeline, case: Case) -> CaseRecord:
    return await CollectionAnswerer(pipeline, pipeline).record(case)


def answer_of(record: CaseRecord) -> AnswerRecord:
    assert record.answer is not None
    return record.answer


async def test_citations_are_checked_against_source_and_gold(pipeline: FakePipeline) -> None:
    beta = answer_of(await record(pipeline, BETA))
    alpha = answer_of(await record(pipeline, ALPHA))
    assert [(citation.exact, citation.right) for citation in beta.citations] == [(True, True)]
    assert [(citation.exact, citation.right) for citation in alpha.citations] == [(True, False)]
    assert [passage.relevant for passage in beta.passages] == [False, True]


async def test_nothing_is_said_of_places_that_the_case_does_not_name(pipeline: FakePipeline) -> None:
    asked = dataclasses.replace(BETA, relevant=())
    record_of_beta = await record(pipeline, asked)
    assert record_of_beta.found_at is None
    assert [passage.relevant for passage in answer_of(record_of_beta).passages] == [None, None]
    assert [citation.right for citation in answer_of(record_of_beta).citations] == [None]


async def test_the_expected_document_is_searched_for_unless_the_first_passage_is_from_it(
    pipeline: FakePipeline,
) -> None:
    assert (await record(pipeline, ALPHA)).found_at == 1
    assert (await record(pipeline, UNKNOWN)).found_at is None
    assert pipeline.searched == []
    missing = dataclasses.replace(BETA, relevant=(Relevant("c.md"),))
    assert (await record(pipeline, missing)).found_at == 0
    assert (await record(pipeline, dataclasses.replace(BETA, history=("Hello?",)))).found_at == 2
    assert pipeline.searched == ["Beta", "Hello? Beta"]
    assert pipeline.asked[-1] == ("Beta", "Hello?")


async def test_each_of_several_expected_documents_has_its_rank(pipeline: FakePipeline) -> None:
    several = (Relevant("a.md"), Relevant("c.md"), Relevant("b.md"), Relevant("b.md", "is second"))
    found = await record(pipeline, dataclasses.replace(BETA, relevant=several))
    assert found.ranks == (2, 0, 1)
    assert found.found_at == 1


async def test_a_record_tells_how_long_the_answer_took(pipeline: FakePipeline) -> None:
    beta = await record(pipeline, BETA)
    assert beta.first_token_ms is not None
    assert 0.0 <= beta.first_token_ms <= beta.total_ms


async def test_a_record_leaves_the_passages_of_its_case_out(pipeline: FakePipeline) -> None:
    case = dataclasses.replace(BETA, passages=(CasePassage("Beta is second.", relevant=True),))
    assert (await record(pipeline, case)).case == BETA


async def test_an_oracle_answers_from_the_passages_of_the_case() -> None:
    passages = (CasePassage("Nothing here.", relevant=False), CasePassage("Beta is second.", relevant=True))
    case = dataclasses.replace(BETA, relevant=(), passages=passages)
    pipeline = FakePipeline(texts={}, says={"Beta": ("case:b/2", "Second [2].")})
    made = await OracleAnswerer(pipeline).record(case)
    answer = answer_of(made)
    assert [(citation.exact, citation.right) for citation in answer.citations] == [(True, True)]
    assert [(passage.text, passage.relevant) for passage in answer.passages] == [
        ("Nothing here.", False),
        ("Beta is second.", True),
    ]
    assert (made.found_at, made.first_token_ms, pipeline.searched) == (None, None, [])


async def test_an_oracle_says_nothing_of_passages_of_which_none_is_said_to_hold_the_answer() -> None:
    case = dataclasses.replace(BETA, relevant=(), passages=(CasePassage("Beta.", relevant=False),))
    made = await OracleAnswerer(FakePipeline({}, {})).record(case)
    assert [passage.relevant for passage in answer_of(made).passages] == [None]


async def test_an_oracle_needs_passages(pipeline: FakePipeline) -> None:
    with pytest.raises(CasesError, match="passages of its own"):
        await OracleAnswerer(pipeline).record(BETA)


def test_oracle_passages_are_numbered_chunks_that_span_their_text() -> None:
    case = dataclasses.replace(BETA, passages=(CasePassage("One.", True, "T"), CasePassage("Two.", False)))
    first, second = oracle_passages(case)
    assert (first.marker, second.marker) == (1, 2)
    assert first.chunk.text == "One."
    assert (first.chunk.start, first.chunk.end, first.chunk.title) == (0, 4, "T")
    assert first.chunk.id != second.chunk.id
