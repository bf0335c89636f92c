from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.cases.case import Case
from finetune.data.passages import find_span, holds_answer


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("The rank is 16.", "rank is", "rank is"),
        ("The rank\n  is 16.", "rank is 16", "rank\n  is 16"),
        ("THE RANK", "the rank", "THE RANK"),
        ("向量检索", "检 索", "检索"),
        ("rank", "missing", None),
        ("rank", "  ", None),
    ],
)
def test_a_span_is_found_whatever_the_white_space_and_case(text: str, wanted: str, found: str | None) -> None:
    span = find_span(text, wanted)
    assert (None if span is None else text[span[0] : span[1]]) == found


@given(st.text(max_size=40), st.text(max_size=10), st.text(max_size=40))
def test_whatever_is_in_a_text_is_found_in_it(before: str, wanted: str, after: str) -> None:
    span = find_span(before + wanted + after, wanted)
    if wanted.split():
        assert span is not None
        found = (before + wanted + after)[span[0] : span[1]]
        assert "".join(found.split()).casefold() == "".join(wanted.split()).casefold()
    else:
        assert span is None


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("rank 16.", True),
        ("rank 168 or 216", False),
        ("168, then 16", True),
        ("rank(16)", True),
        ("秩16是默认", True),
        ("1\n6", True),
        ("rank", False),
    ],
)
def test_an_answer_counts_as_held_only_as_whole_words(text: str, holds: bool) -> None:
    assert holds_answer(text, Case("x", "What?", "en", ("16",), True)) is holds
