"""Rows of a snapshot: what is filtered out, and what need not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import SnapshotCorruptError
from ingest.stores.milvus_rows import ROWS, Part, Rows, among, deletions, load_rows, save_rows


@pytest.mark.parametrize(
    ("numbers", "expression"),
    [
        ([], "number in []"),
        ([7, 3], "number in [3, 7]"),
        ([3, 4, 5, 9], "((number >= 3 and number <= 5) or (number >= 9 and number <= 9))"),
    ],
)
def test_numbers_that_follow_each_other_become_a_range(numbers: list[int], expression: str) -> None:
    assert among(numbers) == expression


def test_very_many_ranges_become_a_list() -> None:
    numbers = [number for number in range(1_000) if number % 3]
    assert among(numbers) == f"number in {numbers}"


def test_a_deletion_hides_what_was_there_before_its_stage() -> None:
    rows = Rows((1,)).next_stage(5, frozenset()).without(5, [8, 2])
    assert rows.expression() == "stage in [1, 5] and not (stage < 5 and number in [2, 8])"
    later = rows.next_stage(9, frozenset({(5, 2)})).without(9, [8])
    assert deletions(later.dead) == ["stage < 5 and number in [8]", "stage < 9 and number in [8]"]


def test_rows_are_kept_in_the_folder_of_their_snapshot(tmp_path: Path) -> None:
    rows = {part: Rows((1, 2), frozenset({(2, at), (2, -at)})) for at, part in enumerate(Part)}
    save_rows(tmp_path, rows)
    assert load_rows(tmp_path) == rows


@pytest.mark.parametrize("content", ["", "{}", '{"vectors": {"stages": [1]}}', "[]"])
def test_a_damaged_list_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / ROWS).write_text(content)
    with pytest.raises(SnapshotCorruptError, match=r"rows\.json cannot be read"):
        load_rows(tmp_path)
