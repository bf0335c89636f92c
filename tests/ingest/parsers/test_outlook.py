from __future__ import annotations

import struct
from email import message_from_bytes
from pathlib import Path

import pytest

from ingest.errors import BrokenFileError, ParseError, UnsafeFileError, WrongExtensionError
from ingest.parsers.compressed_rtf import decompress
from ingest.parsers.outlook import parse, parts
from ingest.parsers.parts import PartLimits
from tests.ingest.parsers.compound_file import Tree, compound_file

_TICKS_2024 = 133485408000000000  # 2024-01-01 00:00 UTC, in tenths of microseconds since 1601


def _text(tag: int, text: str) -> Tree:
    return {f"__substg1.0_{tag:04X}001F": text.encode("utf-16-le")}


def _properties(header_bytes: int, *entries: tuple[int, int, int]) -> Tree:
    packed = b"".join(struct.pack("<HHIQ", kind, tag, 6, value) for tag, kind, value in entries)
    return {"__properties_version1.0": bytes(header_bytes) + packed}


def _message(header_bytes: int = 32) -> Tree:
    return {
        **_properties(header_bytes, (0x0039, 0x40, _TICKS_2024)),
        **_text(0x0037, "季度报告"),
        **_text(0x0C1A, "Ada"),
        **_text(0x5D01, "ada@example.org"),
        **_text(0x0E04, "Bob; 李四"),
        **_text(0x1000, "Hello Bob,\r\n\r\n请看附件。\r\n"),
    }


def _attachment(name: str, content: bytes, **texts: str) -> Tree:
    tree: Tree = {**_properties(8), **_text(0x3707, name), "__substg1.0_37010102": content}
    for key, value in texts.items():
        tree |= _text({"content_id": 0x3712}[key], value)
    return tree


def test_the_head_and_the_plain_text_are_read() -> None:
    parsed = parse(compound_file(_message()))
    assert parsed.title == "季度报告"
    assert parsed.text == (
        "From: Ada <ada@example.org>\nTo: Bob; 李四\nDate: Mon, 01 Jan 2024 00:00:00 +0000\nSubject: 季度报告"
        "\n\nHello Bob,\n\n请看附件。"
    )
    assert parsed.metadata["created"] == "2024-01-01T00:00:00+00:00"
    assert parsed.metadata["author"] == "Ada <ada@example.org>"


def test_eight_bit_text_is_read_in_the_stated_code_page() -> None:
    tree: Tree = {
        **_properties(32, (0x3FFD, 0x3, 936)),
        "__substg1.0_0037001E": "会议".encode("gbk"),
        "__substg1.0_1000001E": "明天开会".encode("gbk"),
    }
    assert parse(compound_file(tree)).text == "Subject: 会议\n\n明天开会"


def test_the_page_is_read_where_there_is_no_plain_text() -> None:
    page = b"<html><body><h1>News</h1><p>Read <b>this</b>.</p></body></html>"
    tree: Tree = {**_properties(32, (0x3FDE, 0x3, 65001)), "__substg1.0_10130102": page}
    assert parse(compound_file(tree)).text == "News\n\nRead this."


def test_rich_text_is_read_where_there_is_nothing_else() -> None:
    rich = b"{\\rtf1\\ansi Hello {\\b world}\\par}"
    packed = struct.pack("<IIII", len(rich) + 12, len(rich), 0x414C454D, 0) + rich
    tree: Tree = {**_properties(32), "__substg1.0_10090102": packed}
    assert parse(compound_file(tree)).text == "Hello world"


def test_rich_text_is_unpacked_as_in_the_example_of_the_specification() -> None:
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert decompress(packed) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


@pytest.mark.parametrize("content", [b"", b"\0" * 16, bytes.fromhex("0100000001000000") + b"WHAT" * 2])
def test_rich_text_that_is_packed_otherwise_is_refused(content: bytes) -> None:
    with pytest.raises(BrokenFileError):
        decompress(content)


def test_attachments_are_parts_and_inline_pictures_are_not() -> None:
    tree = _message() | {
        "__attach_version1.0_#00000000": _attachment("../报告.txt", b"report" * 1000),
        "__attach_version1.0_#00000001": _attachment("logo.png", b"\x89PNG", content_id="logo@1"),
        "__attach_version1.0_#00000002": _attachment("报告.txt", b"again"),
    }
    found = list(parts(compound_file(tree), PartLimits()))
    assert [(part.name, part.content) for part in found] == [
        ("报告.txt", b"report" * 1000),
        ("报告-2.txt", b"again"),
    ]


def test_an_attached_message_becomes_an_email_with_its_attachments() -> None:
    inner = _message(24) | {"__attach_version1.0_#00000000": _attachment("data.csv", b"a,b\n1,2\n")}
    attached: Tree = {**_properties(8), "__substg1.0_3701000D": inner}
    (part,) = parts(compound_file(_message() | {"__attach_version1.0_#00000000": attached}), PartLimits())
    assert part.name == "季度报告.eml"
    assert isinstance(part.content, bytes)
    mail = message_from_bytes(part.content)
    text, data = mail.get_payload()
    assert "请看附件" in text.get_payload(decode=True).decode("utf-8")  # pyright: ignore
    assert data.get_filename() == "data.csv"  # pyright: ignore


def test_messages_inside_of_each_other_are_followed_five_deep() -> None:
    tree = _message(24)
    for _ in range(7):
        attached: Tree = {**_properties(8), "__substg1.0_3701000D": tree}
        tree = _message(24) | {"__attach_version1.0_#00000000": attached}
    tree |= _properties(32)
    (part,) = parts(compound_file(tree), PartLimits())
    assert isinstance(part.content, bytes)
    mail, depth = message_from_bytes(part.content), 1
    while attached_files := [inner for inner in mail.walk() if inner.get_filename()]:
        content = attached_files[0].get_payload(decode=True)
        assert isinstance(content, bytes)
        mail, depth = message_from_bytes(content), depth + 1
    assert depth == 5


def test_the_limits_on_parts_hold() -> None:
    tree = _message() | {"__attach_version1.0_#00000000": _attachment("a.txt", b"x" * 100)}
    with pytest.raises(UnsafeFileError, match="50 bytes"):
        list(parts(compound_file(tree), PartLimits(all_bytes=50)))
    with pytest.raises(UnsafeFileError, match="more than 0"):
        list(parts(compound_file(tree), PartLimits(count=0)))


def test_another_office_file_is_told_apart_from_a_message() -> None:
    with pytest.raises(WrongExtensionError, match="no Outlook message"):
        parse(compound_file({"WordDocument": b"text"}))


def test_a_cut_off_message_is_refused_with_a_reason() -> None:
    whole = compound_file(_message())
    for length in (600, 1024, 2000):
        with pytest.raises(ParseError):
            parse(whole[:length])


def test_real_messages_are_read(shared_data: Path) -> None:
    files = shared_data / "dev" / "docs" / "files"
    assert "恭喜 HQ 保全課" in parse((files / "tika__testMSG_chinese.msg").read_bytes()).text
    assert "Violets are blue" in parse((files / "unstructured__fake-email.msg").read_bytes()).text
