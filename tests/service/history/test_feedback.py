from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ingest.errors import FeedbackError
from service.answer import Answer
from service.history.feedback import CitationVerdict, check_feedback, new_feedback, timestamp
from service.pipeline import fold
from service.question import Inquiry
from tests.fakes import MemoryPipeline
from tests.small_handbook import small_handbook


@pytest.fixture(scope="module")
def answer() -> Answer:
    """An answer with the id ``a`` that cites the passages 1 and 2."""

    async def ask() -> Answer:
        return await fold(
            MemoryPipeline(small_handbook()).stream(Inquiry("What is the default rank of an adapter?"))
        )

    return replace(asyncio.run(ask()), id="a")


def test_white_space_alone_is_no_correction() -> None:
    feedback = new_feedback("a1", "down", correction=" \n", comment="  too short ")
    assert feedback.correction is None
    assert feedback.comment == "too short"


def test_each_judgement_has_its_own_id() -> None:
    assert new_feedback("a1", "up").id != new_feedback("a1", "up").id


def test_wrong_citations_are_citations_judged_down() -> None:
    said = new_feedback("a1", wrong_citations=[2, 2, 1], citations=[CitationVerdict(3, "up")])
    assert [(one.marker, one.verdict) for one in said.citations] == [(1, "down"), (2, "down"), (3, "up")]
    assert said.wrong_citations == (1, 2)


def test_others_are_named_once_and_without_the_judged_answer() -> None:
    said = new_feedback("a", preferred_over="b", ranking=["c", "a", "b"])
    assert said.others == ("c", "b")


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"verdict": "down"}, True),
        ({"verdict": "up", "correction": "16"}, False),
        ({"correction": "16"}, True),
        ({"comment": "hm"}, False),
    ],
)
def test_a_correction_alone_finds_fault(said: dict[str, Any], fault: bool) -> None:
    assert new_feedback("a", **said).finds_fault is fault


@pytest.mark.parametrize(
    "said",
    [
        {"verdict": "up"},
        {"correction": "16"},
        {"comment": "hm"},
        {"wrong_citations": [1]},
        {"citations": [CitationVerdict(1, "up"), CitationVerdict(2, "down")]},
        {"preferred_over": "b"},
        {"ranking": ["b", "a"]},
    ],
)
def test_whatever_can_be_said_of_an_answer_needs_no_thumb(answer: Answer, said: dict[str, Any]) -> None:
    check_feedback(new_feedback("a", **said), answer, {"b": replace(answer, id="b")})


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "says nothing"),
        ({"comment": " "}, "says nothing"),
        ({"citations": [CitationVerdict(9, "up")]}, r"markers \[9\], but the answer cites \[1, 2\]"),
        ({"wrong_citations": [1], "citations": [CitationVerdict(1, "up")]}, "up and down"),
        ({"preferred_over": "a"}, "itself"),
        ({"ranking": ["a"]}, "names 1 answers"),
        ({"ranking": ["a", "b", "a"]}, "names 3 answers"),
        ({"ranking": ["b", "c"]}, "with the judged one"),
        ({"ranking": ["a", "other"]}, "'other' is no other answer to the same question"),
        ({"preferred_over": "other"}, "'other' is no other answer to the same question"),
    ],
)
def test_what_cannot_be_said_of_an_answer_is_refused(
    answer: Answer, said: dict[str, Any], message: str
) -> None:
    judgement = new_feedback("a", **said)
    with pytest.raises(FeedbackError, match=message):
        check_feedback(judgement, answer, others(answer, judgement.others))


def others(answer: Answer, ids: Sequence[str]) -> dict[str, Answer]:
    """Answers to the same question, but for the one with the id ``other``."""
    questions = {"other": "What is a gate?"}
    return {one: replace(answer, id=one, question=questions.get(one, answer.question)) for one in ids}


def test_timestamps_are_utc_and_sort_as_text() -> None:
    early = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=8)))
    late = datetime(2026, 1, 2, 3, 4, 5, 1000, tzinfo=UTC)
    assert timestamp(early) == "2026-01-01T19:04:05.000+00:00"
    assert timestamp(early) < timestamp(late)
