from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answer import Answer
from service.pipeline import fold
from service.question import Inquiry
from service.replay.cli import difference_lines
from service.replay.difference import compare, compare_texts
from tests.fakes import MemoryPipeline
from tests.small_handbook import small_handbook

TEXTS = st.text(st.sampled_from("ab 好的。\n𠮷"), max_size=30)


@pytest.fixture(scope="module")
def answer() -> Answer:
    async def ask() -> Answer:
        return await fold(
            MemoryPipeline(small_handbook()).stream(Inquiry("What is the default rank of an adapter?"))
        )

    return asyncio.run(ask())


@given(TEXTS, TEXTS)
def test_the_pieces_make_up_both_texts(then: str, now: str) -> None:
    pieces = compare_texts(then, now)
    assert "".join(piece.text for piece in pieces if piece.change != "added") == then
    assert "".join(piece.text for piece in pieces if piece.change != "removed") == now
    assert all(piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("then", "now", "shown"),
    [
        ("A rank of 8 is fine.", "A rank of 16 is fine.", "A rank of |-8|+16| is fine."),
        ("默认值是八。", "默认值是十六。", "默认值是|-八|+十六|。"),
        ("", "Yes.", "+Yes."),
    ],
)
def test_texts_are_compared_by_words_and_chinese_by_characters(then: str, now: str, shown: str) -> None:
    signs = {"same": "", "removed": "-", "added": "+"}
    assert "|".join(f"{signs[piece.change]}{piece.text}" for piece in compare_texts(then, now)) == shown


def test_the_same_answer_is_equal_however_long_it_took(answer: Answer) -> None:
    again = replace(answer, id="again", timings_ms={"total": 9.0}, created_at="later", prompt_id="other")
    difference = compare(answer, again)
    assert difference.equal
    assert not any(passage.is_change for passage in difference.passages)
    lines = list(difference_lines(difference))
    assert f"prompt_id: {answer.prompt_id} -> other" in lines
    assert "time: 1280 ms -> 9 ms" in lines
    assert lines[-1] == "the same answer"


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "No."},
        {"citations": ()},
        {"passages": ()},
        {"abstained": True},
        {"groundedness": 0.5},
    ],
)
def test_whatever_a_reader_sees_is_a_difference(answer: Answer, changed: dict[str, Any]) -> None:
    assert not compare(answer, replace(answer, **changed)).equal
    assert not compare(replace(answer, **changed), answer).equal


def test_passages_that_changed_places_are_told_with_both(answer: Answer) -> None:
    first, second, *others = answer.passages
    swapped = (replace(second, marker=1), replace(first, marker=2, score=first.score / 2), *others)
    difference = compare(answer, replace(answer, passages=swapped))
    moved = {passage.chunk_id: passage for passage in difference.passages if passage.is_change}
    assert set(moved) == {first.chunk.id, second.chunk.id}
    found = moved[first.chunk.id]
    assert (found.marker_then, found.marker_now, found.score_now) == (1, 2, first.score / 2)


def test_citations_are_told_apart_by_what_they_quote(answer: Answer) -> None:
    kept, *others = answer.citations
    other = replace(kept, quote_end=kept.quote_end - 1, quote=kept.quote[:-1])
    difference = compare(answer, replace(answer, citations=(other, *others)))
    assert (difference.lost_citations, difference.new_citations) == ((kept,), (other,))
    lines = list(difference_lines(difference))
    assert f"- [{kept.marker}] {kept.chunk.headline}: “{kept.quote}”" in lines
    assert lines[-1] == "another answer"
