from __future__ import annotations

from ingest.parsers.reading_order import in_reading_order


def test_rows_are_read_from_the_left_and_then_down() -> None:
    items = [((50, 0), "c"), ((2, 90), "b"), ((4, 10), "a"), (None, "e"), ((51, 40), "d")]
    assert in_reading_order(items, 5) == ["a", "b", "c", "d", "e"]


def test_things_that_only_follow_each_other_closely_are_no_row() -> None:
    assert in_reading_order([((0, 9), "a"), ((4, 5), "b"), ((8, 0), "c")], 5) == ["b", "a", "c"]


def test_nothing_is_in_order() -> None:
    assert in_reading_order([], 5) == []
