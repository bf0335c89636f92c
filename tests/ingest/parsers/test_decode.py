from __future__ import annotations

import codecs
from contextlib import suppress

import pytest

from ingest.errors import ParseError, WrongExtensionError
from ingest.parsers.decode import decode_text

_CHINESE = "检索增强生成先找到相关的段落，然后根据这些段落回答问题，并且给出引用。"
_TRADITIONAL = "檢索增強生成先找到相關的段落，然後根據這些段落回答問題，並且給出引用。"
_JAPANESE = "設定ファイルを変更した後、サービスを再起動してください。"
_KOREAN = "설정 파일을 변경한 후 서비스를 다시 시작하십시오."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (_CHINESE, "utf-8"),
        (_CHINESE, "utf-8-sig"),
        (_CHINESE, "gb18030"),
        (_CHINESE[:12], "gb18030"),
        (_TRADITIONAL, "big5"),
        (_JAPANESE, "shift_jis"),
        (_JAPANESE, "euc_jp"),
        (_KOREAN, "cp949"),
        (_CHINESE, "utf-16"),
        ("plain English text, and some more of it\n", "utf-16-le"),
        ("plain English text, and some more of it\n", "utf-16-be"),
        (_CHINESE, "utf-32"),
        ("L'élève a été très déçu par la réponse.", "cp1252"),
        ("Die Größe der Straße hängt von der Übung ab.", "cp1252"),
        ("Настройки сервера хранятся в файле конфигурации, который читается при запуске.", "cp1251"),
    ],
)
def test_the_encoding_is_told_from_the_bytes(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding)) == text


def test_a_declared_encoding_is_believed_unless_the_bytes_are_utf8() -> None:
    assert decode_text("Łódź żółć".encode("cp1250"), "windows-1250") == "Łódź żółć"
    assert decode_text(_CHINESE.encode("utf-8"), "gb2312") == _CHINESE
    assert decode_text(_CHINESE.encode("gb18030"), "utf-8") == _CHINESE
    assert decode_text(b"plain", "no-such-encoding") == "plain"


def test_a_few_broken_bytes_do_not_spoil_utf8() -> None:
    content = (_CHINESE * 20).encode() + b"\xff" + _CHINESE.encode()
    assert decode_text(content) == f"{_CHINESE * 20}\ufffd{_CHINESE}"
    assert decode_text(b"plain text " * 20 + b"\x81 end").endswith(" end")


def test_a_broken_byte_does_not_hide_the_encoding() -> None:
    content = (_CHINESE * 5).encode("gb18030") + b"\xff\n" + _CHINESE.encode("gb18030")
    assert decode_text(content) == f"{_CHINESE * 5}\ufffd\n{_CHINESE}"


def test_stray_nuls_are_removed() -> None:
    assert decode_text(b"one\0 two\0 three and some more text") == "one two three and some more text"


def test_binary_data_is_refused() -> None:
    with pytest.raises(WrongExtensionError):
        decode_text(bytes(range(256)) * 20)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF8])
def test_a_bare_mark_is_empty_text(mark: bytes) -> None:
    assert decode_text(mark) == ""


@pytest.mark.parametrize("content", [b"\x80", b"\xff" * 7, b"\xa4\xe9\xff\x81" * 50])
def test_garbage_gives_text_or_a_parse_error(content: bytes) -> None:
    with suppress(ParseError):
        assert "\0" not in decode_text(content)
