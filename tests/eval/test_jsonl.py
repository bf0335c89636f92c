"""Bad JSON Lines are refused with their file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.jsonl import read_records
from ingest.errors import CasesError


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"", 1, "empty"),
        (b"\n \n", 1, "empty"),
        (b'{"a": 1}\n{"a": \n', 2, "not JSON"),
        (b'{"a": 1}\n[1]\n', 2, "a list"),
        (b'{"a": 1}\n\n{"a": "\xff"}\n', 3, "not UTF-8"),
        (b"[" * 100_000, 1, "not JSON"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, content: bytes, line: int, reason: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(content)
    with pytest.raises(CasesError, match=reason) as caught:
        list(read_records(path))
    assert f"{path}, line {line}:" in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(CasesError, match="cannot be read"):
            list(read_records(path))


def test_blank_lines_and_a_byte_order_mark_are_allowed(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": "1"}\r\n\r\n{"a": "2"}')
    assert [(record.line, record.text("a")) for record in read_records(path)] == [(1, "1"), (3, "2")]


@pytest.mark.parametrize(
    ("line", "read", "reason"),
    [
        ("{}", "text", "missing or empty"),
        ('{"key": "  "}', "text", "missing or empty"),
        ('{"key": 3}', "text", "a number"),
        (r'{"key": "\ud800"}', "text", "surrogate"),
        ('{"key": "true"}', "flag", "true or false"),
        ('{"key": "one"}', "texts", "list of texts"),
        ('{"key": [1]}', "texts", "list of texts"),
        ('{"key": [-1]}', "indexes", "whole numbers"),
        ('{"key": [true]}', "indexes", "whole numbers"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, line: str, read: str, reason: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(line, "utf-8")
    (record,) = read_records(path)
    with pytest.raises(CasesError, match=reason) as caught:
        getattr(record, read)("key")
    assert f"{path}, line 1: the field 'key'" in str(caught.value)
