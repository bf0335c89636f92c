"""Pieces of a marked text are the text again, each under the worst of its marks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eval.reports.marked_text import LEGEND, Mark, MarkKind, Piece, marked_pieces

MARKS = st.lists(
    st.builds(Mark, st.integers(-3, 40), st.integers(-3, 40), st.sampled_from(MarkKind)), max_size=6
)


def test_the_marked_words_are_pieces_of_their_own() -> None:
    marks = [Mark(0, 3, MarkKind.SUPPORTED), Mark(4, 7, MarkKind.INEXACT)]
    assert list(marked_pieces("one two.", marks)) == [
        Piece("one", MarkKind.SUPPORTED),
        Piece(" ", None),
        Piece("two", MarkKind.INEXACT),
        Piece(".", None),
    ]


def test_the_worst_of_two_marks_counts() -> None:
    marks = [Mark(0, 4, MarkKind.ELSEWHERE), Mark(2, 6, MarkKind.SUPPORTED)]
    assert [piece.kind for piece in marked_pieces("abcdef", marks)] == [
        MarkKind.ELSEWHERE,
        MarkKind.ELSEWHERE,
        MarkKind.SUPPORTED,
    ]


@given(st.text(max_size=30), MARKS)
def test_no_character_is_lost_or_doubled(text: str, marks: list[Mark]) -> None:
    assert "".join(piece.text for piece in marked_pieces(text, marks)) == text


@given(st.text(min_size=1, max_size=30), MARKS)
def test_a_character_is_marked_where_a_mark_lies_over_it(text: str, marks: list[Mark]) -> None:
    pieces = [(piece.kind is not None) for piece in marked_pieces(text, marks) for _ in piece.text]
    assert pieces == [any(mark.start <= at < mark.end for mark in marks) for at in range(len(text))]


def test_every_kind_is_explained() -> None:
    assert set(LEGEND) == set(MarkKind)
