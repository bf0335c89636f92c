from __future__ import annotations

import pytest

from service.grounding.claims import is_turned_round, names, numbers


def test_numbers_are_read_without_marks_between_thousands() -> None:
    assert numbers("From 1,000 to 2.5 and ３.") == {"1000", "2.5", "3"}


def test_names_begin_with_a_capital_letter_but_the_first_word_does_not_count() -> None:
    assert names("Yesterday Ada met Charles Babbage.") == {"ada", "charles", "babbage"}


@pytest.mark.parametrize(
    ("claim", "source", "expected"),
    [
        ("The rank is not fixed.", "The rank is fixed.", True),
        ("The rank is fixed.", "The rank isn't fixed.", True),
        ("The rank is not fixed.", "The rank is never fixed.", False),
        ("The rank is 16.", "The rank is 16, and alpha is not fixed.", False),
        ("The rank is not fixed.", "The canteen is open.", False),
        ("试用期不是六个月。", "试用期是六个月。", True),
        ("试用期是六个月。", "试用期是六个月，不得延长。", False),
        ("试用期不仅是六个月。", "试用期是六个月。", False),
    ],
)
def test_what_one_negates_and_the_other_does_not_is_turned_round(
    claim: str, source: str, expected: bool
) -> None:
    assert is_turned_round(claim, source) is expected
