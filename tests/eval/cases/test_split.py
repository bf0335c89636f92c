"""Neither side of a split tells of the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.cases.case import Case, Relevant
from eval.cases.choices import LeakKind, SplitBy
from eval.cases.leaks import find_leaks
from eval.cases.split import components, split_cases
from eval.cases.training_text import case_text
from ingest.errors import CasesError


def case_of(number: int, *documents: str, question: str = "", asked_at: str | None = None) -> Case:
    """A case about ``documents``."""
    return Case(
        f"c{number}",
        question or f"What is number {number}?",
        "en",
        ("a",),
        answerable=True,
        relevant=tuple(map(Relevant, documents)),
        asked_at=asked_at,
    )


@given(
    st.lists(st.sets(st.integers(0, 25), max_size=3), min_size=2, max_size=40),
    st.floats(0.05, 0.95),
    st.integers(0, 3),
)
def test_no_document_stands_on_both_sides(documents: list[set[int]], share: float, seed: int) -> None:
    cases = [case_of(number, *map(str, sorted(names))) for number, names in enumerate(documents)]
    try:
        split = split_cases(cases, SplitBy.DOCUMENT, share, seed)
    except CasesError:
        assert min(map(len, components(cases))) > max(1, round(share * len(cases))) or len(cases) < 3
        return
    assert sorted(case.id for case in (*split.train, *split.held_out)) == sorted(case.id for case in cases)
    assert len(split.held_out) <= max(1, round(share * len(cases)))
    sides = [
        {place.document for case in side for place in case.relevant} for side in (split.train, split.held_out)
    ]
    assert sides[0].isdisjoint(sides[1])
    assert split_cases(cases[::-1], SplitBy.DOCUMENT, share, seed).held_out == split.held_out[::-1]
    leaks = find_leaks(split.held_out, [case_text(case, case.id) for case in split.train])
    assert leaks.count(LeakKind.QUESTION) == leaks.count(LeakKind.DOCUMENT) == 0


def test_the_same_question_stays_on_one_side() -> None:
    cases = [case_of(1, "a", question="Why?"), case_of(2, "b", question="why"), case_of(3, "c")]
    assert [len(component) for component in components(cases)] == [2, 1]


def test_what_a_document_does_not_answer_stays_with_what_it_answers() -> None:
    unanswerable = [replace(case_of(number), answerable=False, origin="a") for number in (2, 3)]
    assert [len(component) for component in components([case_of(1, "a"), *unanswerable])] == [3]


def test_what_was_asked_last_is_held_out() -> None:
    times = ["2026-01-01", "2026-03-01T10:00:00+02:00", "2026-02-01", "2026-03-01T08:00:00Z", "2025-01-01"]
    cases = [case_of(number, "a", asked_at=time) for number, time in enumerate(times)]
    assert [case.id for case in split_cases(cases, SplitBy.TIME, 0.4).held_out] == ["c1", "c3"]
    assert [case.id for case in split_cases(cases, SplitBy.TIME, 0.6).held_out] == ["c1", "c2", "c3"]
    with pytest.raises(CasesError, match="cannot be split by time"):
        split_cases(cases, SplitBy.TIME, 0.2)


@pytest.mark.parametrize(
    ("cases", "by", "share", "reason"),
    [
        ([case_of(1, "a"), case_of(2, "a")], SplitBy.DOCUMENT, 0.5, "hangs together"),
        ([case_of(1, "a"), case_of(2, "b")], SplitBy.TIME, 0.5, "'c1' does not say when"),
        ([case_of(1, "a"), case_of(2, "b")], SplitBy.DOCUMENT, 1.0, "more than 0 and less than 1"),
    ],
)
def test_what_cannot_be_split_is_refused(cases: list[Case], by: SplitBy, share: float, reason: str) -> None:
    with pytest.raises(CasesError, match=reason):
        split_cases(cases, by, share)
