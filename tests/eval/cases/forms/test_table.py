"""A table of questions is read by its header."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.cases.case import Relevant
from eval.cases.read import read_cases
from ingest.errors import CasesError


def test_the_header_names_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(
        "\ufeffQuestion,Answer,answers,document,tags,owner\n"
        '"Who, and when?","Ann, in 1960",Ann|Ann Lee,a.md,hard|old,me\n'
        "谁？,,,,,\n",
        "utf-8",
    )
    first, second = read_cases(path)
    assert (first.id, first.language, first.question) == ("line-2", "en", "Who, and when?")
    assert first.answers == ("Ann, in 1960", "Ann", "Ann Lee")
    assert first.relevant == (Relevant("a.md"),)
    assert first.tags == ("hard", "old")
    assert (second.id, second.language, second.answerable) == ("line-3", "zh", False)


def test_tabs_part_the_columns_of_a_tsv(tmp_path: Path) -> None:
    path = tmp_path / "cases.tsv"
    path.write_text("id\tquery\tanswer\tanswerable\nq\tWho, then?\tAnn\tyes\n", "utf-8")
    (case,) = read_cases(path)
    assert (case.id, case.question, case.answerable) == ("q", "Who, then?", True)


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"question,answer\nWho?,Ann,Bob\n", 2, "more cells than the header's 2"),
        (b"question,context,answer\nWho?,Ann\n", 2, "fewer cells than the header's 3"),
        (b"question,answerable\nWho?,perhaps\n", 2, "write true or false"),
        (b"asked,answer\nWho?,Ann\n", 2, "there is no question"),
        (b"question,answerable\nWho?,true\n", 2, "answerable but has no answer"),
        (b"question,answer\nWho?,Ann\n\xd5\xe2?,\xca\xc7\n", 3, "not UTF-8"),
        (b'question,answer\n"Who?,Ann\n', 2, "not a table"),
        (b"question,answer\n", 1, "no row"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, content: bytes, line: int, reason: str) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes(content)
    with pytest.raises(CasesError, match=reason) as caught:
        read_cases(path)
    assert f"{path}, line {line}:" in str(caught.value)
