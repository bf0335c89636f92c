from __future__ import annotations

import time

import pytest

from ingest.document import BlockKind
from ingest.errors import FileTooLargeError
from ingest.parsers.csv_table import parse
from ingest.parsers.text_builder import ParsedFile


def _header(parsed: ParsedFile) -> str | None:
    span = parsed.blocks[-1].header
    return None if span is None else parsed.text[slice(*span)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_and_the_header_are_told(delimiter: str) -> None:
    rows = [["name", "price"], ["tea", "1.50"], ["cake", "3.20"]]
    parsed = parse("\n".join(delimiter.join(row) for row in rows).encode())
    assert parsed.text == "name | price\ntea | 1.50\ncake | 3.20"
    assert [block.kind for block in parsed.blocks] == [BlockKind.TABLE]
    assert _header(parsed) == "name | price"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a;b\n1,5;2,5\n3,1;4,9\n", "a | b\n1,5 | 2,5\n3,1 | 4,9"),
        ('a,b\n"He said ""hi""",5" pipe\n', 'a | b\nHe said "hi" | 5" pipe'),
        ('a,b\n1,"two\r\nlines"\n', "a | b\n1 | two lines"),
        ('a,b\n1,"never closed\n2,x\n3,y\n', 'a | b\n1 | "never closed\n2 | x\n3 | y'),
        ("sep=;\na;b\n1;2\n", "a | b\n1 | 2"),
        ("a,b,c\n1\n1,2,3,4\n\n,,\n", "a | b | c\n1\n1 | 2 | 3 | 4"),
        ("名前,年齢\n佐藤,30\n", "名前 | 年齢\n佐藤 | 30"),
        ("only\n", "only"),
    ],
)
def test_odd_tables_are_read(source: str, text: str) -> None:
    assert parse(source.encode()).text == text


def test_lines_above_the_table_are_its_heading() -> None:
    parsed = parse(b"Stanley Cups,,\nas of 2023,,\nTeam,Location,Cups\nBlues,STL,1\n")
    assert [block.kind for block in parsed.blocks] == [
        BlockKind.HEADING,
        BlockKind.PARAGRAPH,
        BlockKind.TABLE,
    ]
    assert parsed.blocks[-1].heading_path == ("Stanley Cups",)
    assert _header(parsed) == "Team | Location | Cups"


def test_a_table_without_names_has_no_header() -> None:
    assert _header(parse(b"1,2,3\n4,5,6\n")) is None


def test_a_field_may_be_huge() -> None:
    assert len(parse(b'a,b\n1,"' + b"word " * 100_000 + b'"\n').text) > 499_000


def test_a_row_of_absurd_width_is_refused() -> None:
    with pytest.raises(FileTooLargeError, match="cells"):
        parse(b"," * 30_000)


def test_a_hundred_thousand_rows_take_seconds() -> None:
    rows = (f'{n},Name {n},"City, {n % 97}",{n * 3}.50,note' for n in range(100_000))
    content = "\n".join(["id,name,city,amount,note", *rows]).encode()
    start = time.process_time()
    parsed = parse(content)
    assert parsed.text.count("\n") == 100_000
    assert time.process_time() - start < 6
