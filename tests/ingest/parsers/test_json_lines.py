from __future__ import annotations

import json

import pytest

from ingest.document import BlockKind
from ingest.errors import BrokenFileError
from ingest.parsers.json_lines import parse


def _lines(*values: object) -> bytes:
    return "\n".join(json.dumps(value, ensure_ascii=False) for value in values).encode()


def test_records_that_are_alike_are_one_table() -> None:
    parsed = parse(_lines({"q": "问", "n": 1}, {"q": "b", "n": 2}))
    assert parsed.text == "q | n\n问 | 1\nb | 2"
    assert parsed.blocks[0].header == (0, 5)


def test_other_records_are_a_block_each() -> None:
    parsed = parse(
        _lines({"q": "one", "meta": {"k": [1, 2]}}, {"q": "two\nlines", "meta": {"k": [{"b": 1}]}})
    )
    assert [parsed.text[block.start : block.end] for block in parsed.blocks] == [
        "q: one\nmeta.k: 1, 2",
        "q: two\nlines\nmeta.k[0].b: 1",
    ]
    assert {block.kind for block in parsed.blocks} == {BlockKind.PARAGRAPH}


def test_a_few_bad_lines_are_left_out_and_counted() -> None:
    parsed = parse(_lines(*({"a": {"b": n}} for n in range(40))) + b'\n{"a": {"b": 4')
    assert len(parsed.blocks) == 40
    assert parsed.metadata == {"skipped_lines": 1}


def test_many_bad_lines_are_refused_with_the_first() -> None:
    with pytest.raises(BrokenFileError, match=r"line 2 .* 1 of 2 lines"):
        parse(b'{"a": 1}\nnot json\n')


def test_a_depth_bomb_on_a_line_is_refused() -> None:
    with pytest.raises(BrokenFileError, match="deep"):
        parse(b'{"a": 1}\n' + b"[" * 50_000)
