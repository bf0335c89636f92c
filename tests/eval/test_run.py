"""Cases go through the pipeline, in order, and one that fails does not stop the others."""

from __future__ import annotations

import dataclasses

import pytest

from eval.cases.case import Case, CasePassage, Relevant
from eval.run import AnswerRun, oracle_passages, run_answers
from ingest.errors import CasesError
from service.retrieve_mode import SearchMode
from tests.eval.fakes import FakePipeline

HYBRID = SearchMode.HYBRID
PIPELINE = FakePipeline(
    texts={"file:///a.md": "Alpha is first.", "file:///b.md": "Beta is second."},
    says={"Beta": ("file:///b.md", "Beta is second [2]."), "Alpha": ("file:///b.md", "It is Beta [2].")},
)
BETA = Case("b", "Beta", "en", ("second",), True, (Relevant("b.md", "is second"),))
ALPHA = Case("a", "Alpha", "en", ("first",), True, (Relevant("a.md", "is first"),))
UNKNOWN = Case("u", "Gamma", "en", (), False)
BROKEN = Case("x", "break", "en", ("x",), True)


async def run(*cases: Case, concurrency: int = 1) -> AnswerRun:
    return await run_answers(PIPELINE, PIPELINE, cases, HYBRID, concurrency=concurrency)


@pytest.mark.anyio
async def test_each_outcome_is_checked_against_source_and_gold() -> None:
    ran = await run(BETA, ALPHA, UNKNOWN)
    beta, alpha, unknown = ran.outcomes
    assert [(check.exact, check.right) for check in beta.citations] == [(True, True)]
    assert [(check.exact, check.right) for check in alpha.citations] == [(True, False)]
    assert (beta.document_found, unknown.document_found) == (True, None)
    assert unknown.answer.abstained
    assert beta.first_token_ms is not None
    assert 0.0 <= beta.first_token_ms <= beta.total_ms


@pytest.mark.anyio
async def test_a_failing_case_is_kept_as_a_failure() -> None:
    steps: list[int] = []
    ran = await run_answers(PIPELINE, PIPELINE, (BROKEN, BETA), HYBRID, progress=lambda: steps.append(1))
    assert [(failure.case_id, failure.code) for failure in ran.failures] == [("x", "generator_failed")]
    assert [outcome.case.id for outcome in ran.outcomes] == ["b"]
    assert len(steps) == 2


@pytest.mark.anyio
async def test_concurrent_runs_keep_the_order_of_the_cases() -> None:
    cases = [dataclasses.replace(BETA, id=str(number)) for number in range(20)]
    ran = await run(*cases, concurrency=2)
    assert [outcome.case.id for outcome in ran.outcomes] == [case.id for case in cases]


@pytest.mark.anyio
async def test_an_oracle_run_answers_from_the_passages_of_the_case() -> None:
    passages = (CasePassage("Nothing here.", relevant=False), CasePassage("Beta is second.", relevant=True))
    case = dataclasses.replace(BETA, relevant=(), passages=passages)
    pipeline = FakePipeline(texts={}, says={"Beta": ("case:b/2", "Second [2].")})
    ran = await run_answers(pipeline, pipeline, (case,), HYBRID, oracle=True)
    (outcome,) = ran.outcomes
    assert [(check.exact, check.right) for check in outcome.citations] == [(True, True)]
    assert outcome.source_known
    assert pipeline.searched == []


@pytest.mark.anyio
async def test_an_oracle_run_needs_passages() -> None:
    with pytest.raises(CasesError, match="passages of its own"):
        await run_answers(PIPELINE, PIPELINE, (BETA,), HYBRID, oracle=True)


def test_oracle_passages_are_numbered_chunks_that_span_their_text() -> None:
    case = dataclasses.replace(BETA, passages=(CasePassage("One.", True, "T"), CasePassage("Two.", False)))
    first, second = oracle_passages(case)
    assert (first.marker, second.marker) == (1, 2)
    assert first.chunk.text == "One."
    assert (first.chunk.start, first.chunk.end, first.chunk.title) == (0, 4, "T")
    assert first.chunk.id != second.chunk.id
