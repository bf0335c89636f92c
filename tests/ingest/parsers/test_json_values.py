from __future__ import annotations

import json

import pytest

from ingest.document import BlockKind
from ingest.errors import BrokenFileError
from ingest.parsers.json_values import parse
from ingest.parsers.text_builder import ParsedFile


def _blocks(parsed: ParsedFile) -> list[tuple[BlockKind, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def _parse(value: object) -> ParsedFile:
    return parse(json.dumps(value).encode())


def test_small_values_are_lines_with_their_paths() -> None:
    parsed = _parse(
        {"name": "api", "server": {"host": "h", "tls": {"on": True, "key": None}}, "tags": ["a", "b"]}
    )
    assert _blocks(parsed) == [
        (BlockKind.PARAGRAPH, "name: api\nserver.host: h\nserver.tls.on: true\ntags: a, b")
    ]
    assert parsed.title == "api"


def test_flat_records_are_a_table_under_their_key() -> None:
    parsed = _parse({"users": [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob", "roles": ["x", "y"]}]})
    assert _blocks(parsed) == [
        (BlockKind.HEADING, "users"),
        (BlockKind.TABLE, "id | name | roles\n1 | Ann\n2 | Bob | x, y"),
    ]
    assert parsed.blocks[1].header == (
        parsed.blocks[1].start,
        parsed.blocks[1].start + len("id | name | roles"),
    )


def test_nested_records_are_sections_named_by_their_titles() -> None:
    articles = [
        {"title": "One", "parts": [{"text": "long " * 60}, {"text": "more"}]},
        {"parts": [{"text": "x\ny"}, {"text": "z"}]},
    ]
    parsed = _parse({"articles": articles})
    paths = {block.heading_path for block in parsed.blocks}
    assert ("articles", "One", "parts") in paths
    assert ("articles", "articles[1]", "parts") in paths
    assert "text: x\ny" in parsed.text


def test_numbers_stay_as_they_are_written() -> None:
    digits = "9" * 6000
    assert parse(f'{{"a": 1.10, "b": {digits}}}'.encode()).text == f"a: 1.10\nb: {digits}"


def test_lines_of_json_under_the_wrong_name_are_read() -> None:
    assert parse(b'{"a": 1}\n{"a": 2}\n').text == "a\n1\n2"


@pytest.mark.parametrize(
    ("source", "text"), [(b'"x"', "x"), (b"[1, 2]", "1, 2"), (b'\xef\xbb\xbf{"a": "b"}', "a: b")]
)
def test_any_value_is_read(source: bytes, text: str) -> None:
    assert parse(source).text == text


def test_a_mistake_is_named_by_its_line() -> None:
    with pytest.raises(BrokenFileError, match="line 2"):
        parse(b'{"a": 1,\n"b" 2}')


@pytest.mark.parametrize(
    "source", [b"[" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900, b"[" * 700 + b"]" * 700]
)
def test_a_depth_bomb_is_refused(source: bytes) -> None:
    with pytest.raises(BrokenFileError):
        parse(source)


def test_long_keys_and_sparse_records_do_not_multiply() -> None:
    long_key = {"k" * 100_000: {"x": [{"v": {"w": str(n)}} for n in range(500)]}}
    assert len(_parse(long_key).text) < 1_000_000
    sparse = [{f"key{n}": str(n)} for n in range(2000)]
    assert len(_parse(sparse).text) < 100_000


def test_values_without_text_make_no_blocks() -> None:
    assert _parse({"a": None, "b": [], "c": {}}).blocks == ()
