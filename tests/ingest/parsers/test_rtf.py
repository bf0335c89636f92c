from __future__ import annotations

from pathlib import Path

import pytest

from ingest.document import BlockKind
from ingest.errors import BrokenFileError
from ingest.parsers.rtf import parse
from ingest.parsers.text_builder import ParsedFile


def _blocks(parsed: ParsedFile) -> list[tuple[BlockKind, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def _parsed(body: str, head: str = "") -> ParsedFile:
    return parse(b"{\\rtf1\\ansi\\deff0" + head.encode("ascii") + body.encode("ascii") + b"}")


def test_paragraphs_headings_and_the_title_are_read() -> None:
    styles = "{\\stylesheet{\\s0 Normal;}{\\s1\\b heading 1;}{\\s2\\outlinelevel1 Eigene;}{\\s9 Title;}}"
    parsed = _parsed(
        "\\pard\\s9 Handbook\\par\\pard\\s1 Scope\\par\\pard First {\\b bold} line\\line next.\\par"
        "\\pard\\s2 Inner\\par\\pard\\outlinelevel0 Other\\par\\pard end\\par",
        styles,
    )
    assert _blocks(parsed) == [
        (BlockKind.HEADING, "Handbook"),
        (BlockKind.HEADING, "Scope"),
        (BlockKind.PARAGRAPH, "First bold line\nnext."),
        (BlockKind.HEADING, "Inner"),
        (BlockKind.HEADING, "Other"),
        (BlockKind.PARAGRAPH, "end"),
    ]
    assert parsed.blocks[3].heading_path == ("Scope", "Inner")
    assert parsed.title == "Handbook"


def test_stated_properties_are_read() -> None:
    info = "{\\info{\\title Plan {\\*\\x ignored}B}{\\author Ada}{\\keywords a, b}{\\creatim\\yr2024}}"
    parsed = _parsed("text\\par", info)
    assert parsed.title == "Plan B"
    assert parsed.metadata == {"author": "Ada", "keywords": "a, b"}
    assert parsed.text == "text"


@pytest.mark.parametrize(
    ("charset", "encoding", "text"),
    [
        (134, "gbk", "中文内容"),
        (136, "big5", "繁體中文"),
        (128, "shift_jis", "日本語ソ表"),
        (129, "cp949", "한국어"),
        (204, "cp1251", "Привет"),
        (0, "cp1252", "café"),
    ],
)
def test_bytes_are_decoded_by_the_charset_of_their_font(charset: int, encoding: str, text: str) -> None:
    body = "".join(f"\\'{byte:02x}" for byte in text.encode(encoding))
    fonts = f"{{\\fonttbl{{\\f0\\fcharset0 A;}}{{\\f1\\fcharset{charset} B;}}}}"
    assert _parsed(f"\\f1 {body}\\par", fonts).text == text


def test_the_second_byte_of_a_character_may_be_a_plain_letter() -> None:
    assert _parsed("\\'83\\'5c\\'83Z\\par", "\\ansicpg932").text == "ソセ"


def test_bytes_in_a_western_font_of_an_east_asian_file_are_read_in_its_code_page() -> None:
    fonts = "\\ansicpg936{\\fonttbl{\\f0\\fcharset0 A;}}"
    assert _parsed("\\f0\\'d6\\'d0\\'ce\\'c4\\par", fonts).text == "中文"


def test_unicode_characters_replace_the_bytes_behind_them() -> None:
    assert _parsed("\\uc1\\u20013?\\u25991\\'3f done\\par").text == "中文 done"
    assert _parsed("\\uc2\\u20013 ab c\\par").text == "中 c"
    assert _parsed("{\\uc0\\u20013}x\\par").text == "中x"
    assert _parsed("\\u-10179?\\u-8704?\\par").text == "😀"
    assert _parsed("\\u-3913? item\\par").text == "• item"


def test_tables_keep_their_columns_and_header() -> None:
    row = "\\trowd{mark}\\intbl {0}\\cell {1}\\cell\\row "
    body = row.format("team", "sum", mark="\\trhdr") + row.format("North", "5\\par more", mark="")
    parsed = _parsed(f"before\\par\\pard {body}\\pard after\\par")
    assert _blocks(parsed) == [
        (BlockKind.PARAGRAPH, "before"),
        (BlockKind.TABLE, "team | sum\nNorth | 5 more"),
        (BlockKind.PARAGRAPH, "after"),
    ]
    assert parsed.blocks[1].header == (8, 18)


def test_list_items_become_one_list() -> None:
    item = "{{\\listtext {0}\\tab}}\\ilvl{1} {2}\\par\\pard "
    body = item.format("\\'b7", 0, "one") + item.format("a)", 1, "two") + "end\\par"
    assert _blocks(_parsed(body)) == [(BlockKind.LIST, "- one\n  a) two"), (BlockKind.PARAGRAPH, "end")]


def test_footnotes_follow_and_what_is_not_shown_is_left_out() -> None:
    parsed = _parsed(
        "{\\header page {\\field{\\*\\fldinst PAGE}{\\fldrslt 1}}}{\\*\\unknown x}"
        "{\\v hidden}{\\deleted gone}"
        "{\\pict 89504e47}{\\*\\shppict{\\pict ff}}see{\\footnote a note}"
        ' {\\field{\\*\\fldinst HYPERLINK "x"}{\\fldrslt link}}{\\annotation no}\\par'
    )
    assert parsed.text == "see link\n\na note"


def test_text_boxes_and_alternatives_in_unicode_are_read_once() -> None:
    box = "{\\shp{\\*\\shpinst{\\sp{\\sn a}{\\sv 1}}{\\shptxt boxed\\par}}{\\shprslt boxed\\par}}"
    assert _parsed(box + "{\\upr{ansi}{\\*\\ud{\\u20013?}}}\\par").text == "boxed\n\n中"


def test_binary_data_is_passed_over() -> None:
    assert parse(b"{\\rtf1 a{\\pict\\bin4 }}}}}b\\par}").text == "ab"


@pytest.mark.parametrize(
    "body", ["{{{", "}}}}", "\\u", "\\'zz\\'", "\\bin999999 x", "{" * 50_000, "\\ansicpg1 \\'ff"]
)
def test_damage_does_no_harm(body: str) -> None:
    assert _parsed(f"text\\par {body}").text.startswith("text")


def test_what_is_no_rtf_is_refused() -> None:
    with pytest.raises(BrokenFileError):
        parse(b"plain text")


def test_real_files_are_read(shared_data: Path) -> None:
    files = shared_data / "dev" / "docs" / "files"
    japanese = parse((files / "tika__testRTF-ms932.rtf").read_bytes())
    assert japanese.text == "Hello\n\nこんにちは\n\nTest\n\nテスト"
    assert japanese.title == "タイトル"
    table = parse((files / "unstructured__fake-doc.rtf").read_bytes()).text
    assert "Column 1 | Column 2\nRow 1, Cell 1 | Row 1, Cell 2" in table
