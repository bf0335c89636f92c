from __future__ import annotations

import pytest

from service.grounding.repetition import end_before_repetition

HEADINGS = ("Steam engine", "Computational complexity theory")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("1606 [1] Steam engine [1] [1] [1]", "1606 [1]"),
        ("yes or no [1] [2] [1] [2]", "yes or no [1] [2]"),
        ("four [1] [1]", "four [1]"),
        ("lead [1] tin [2] lead [1]", "lead [1] tin [2]"),
        ("四个 [1] 四个 [1]", "四个 [1]"),
        ("Steam engine [1] steam  engine, [2]", "Steam engine [1]"),
    ],
)
def test_an_answer_ends_before_it_repeats_itself(text: str, kept: str) -> None:
    end = end_before_repetition(text, HEADINGS)
    assert end is not None
    assert text[:end] == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1606",
        "1606 [1] [2]",
        "Steam engine [1]",
        "Steam engine [1] pumps water [1].",
        "The rank is 16 [1]. The default is 8 [1].",
        "four [1] Steam engine",
    ],
)
def test_an_answer_that_goes_on_is_left_alone(text: str) -> None:
    assert end_before_repetition(text, HEADINGS) is None
