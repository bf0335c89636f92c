from __future__ import annotations

import pytest

from ingest.document import BlockKind
from ingest.errors import BrokenFileError
from ingest.parsers.html import parse
from ingest.parsers.text_builder import ParsedFile

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><title> Operating
 the  server </title><meta name="author" content="Ada"><style>p {}</style></head>
<body>
<header><a href="/">Site name</a></header>
<nav><ul><li>Home</li></ul></nav>
<main>
<h1>Operating<a class="headerlink" href="#x">¶</a></h1>
<p>Start the   server
with <code>troika&nbsp;serve</code>.<br>It listens.</p>
<script>alert("no")</script>
<h2>Ports</h2>
Loose text <b>counts</b>
<ul><li>one</li><li><p>two</p><ol start="3"><li>deep</li></ol></li></ul>
<dl><dt>term</dt><dd>meaning</dd></dl>
<table><caption>Ports</caption><tr><th>name</th><th>port</th></tr>
<tr><td>http</td><td>8080</td></tr></table>
<pre>a
  b
</pre>
<p style="display: none">hidden</p><p hidden>hidden</p><div aria-hidden="true">hidden</div>
<p style="font-size:0">hidden</p><p style="opacity: 0;">hidden</p><template>hidden</template><!-- hidden -->
</main>
<aside>Related</aside>
<footer>Imprint</footer>
</body></html>"""


def _blocks(parsed: ParsedFile) -> list[tuple[BlockKind, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def test_the_main_content_becomes_blocks() -> None:
    assert _blocks(parse(_PAGE.encode())) == [
        (BlockKind.HEADING, "Operating"),
        (BlockKind.PARAGRAPH, "Start the server with troika serve. It listens."),
        (BlockKind.HEADING, "Ports"),
        (BlockKind.PARAGRAPH, "Loose text counts"),
        (BlockKind.LIST, "- one\n- two\n  3. deep"),
        (BlockKind.LIST, "term\nmeaning"),
        (BlockKind.TABLE, "Ports\nname | port\nhttp | 8080"),
        (BlockKind.CODE, "a\n  b"),
    ]


def test_title_metadata_and_heading_paths() -> None:
    parsed = parse(_PAGE.encode())
    assert parsed.title == "Operating the server"
    assert parsed.metadata == {"author": "Ada", "lang": "en"}
    assert parsed.blocks[-1].heading_path == ("Operating", "Ports")


def test_the_first_heading_is_the_title_of_an_untitled_page() -> None:
    assert parse(b"<h1>Only <i>heading</i></h1><p>x</p>").title == "Only heading"


def test_navigation_is_left_out_without_a_main_element() -> None:
    parsed = parse(
        b"<body><header><p>Banner</p></header><nav>Menu</nav><p>Text</p><footer>Foot</footer></body>"
    )
    assert _blocks(parsed) == [(BlockKind.PARAGRAPH, "Text")]


def test_a_header_that_holds_the_heading_is_content() -> None:
    parsed = parse("<body><header><h1>标题</h1></header><p>正文</p></body>".encode())
    assert [text for _, text in _blocks(parsed)] == ["标题", "正文"]


def test_a_page_that_is_nothing_but_navigation_is_still_read() -> None:
    assert _blocks(parse(b"<nav><p>All there is</p></nav>")) == [(BlockKind.PARAGRAPH, "All there is")]


def test_a_decorative_article_does_not_replace_the_page() -> None:
    body = "".join(f"<p>Paragraph number {n} of the page.</p>" for n in range(20))
    assert len(parse(f"<body><article>Ad</article>{body}</body>".encode()).blocks) == 21


def test_a_layout_table_is_transparent() -> None:
    parsed = parse(b"<table><tr><td><h2>Left</h2><p>text</p></td><td>right</td></tr></table>")
    assert [kind for kind, _ in _blocks(parsed)] == [
        BlockKind.HEADING,
        BlockKind.PARAGRAPH,
        BlockKind.PARAGRAPH,
    ]


def test_lines_of_chinese_source_join_without_a_space() -> None:
    assert parse("<p>检索增强\n生成</p>".encode()).text == "检索增强生成"


def test_text_behind_a_skipped_element_is_kept() -> None:
    assert (
        parse(b"<p>before <script>x</script>after <svg><text>y</text></svg>end</p>").text
        == "before after end"
    )


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-16"])
def test_the_charset_comes_from_mark_declaration_or_bytes(encoding: str) -> None:
    page = '<html><head><meta charset="gb2312"></head><body><p>向量与倒排索引一致</p></body></html>'
    assert parse(page.encode(encoding)).text == "向量与倒排索引一致"


def test_external_entities_are_not_read() -> None:
    page = b'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><p>safe &x;</p>'
    assert "root:" not in parse(page).text


def test_deep_nesting_loses_no_text() -> None:
    page = "<div>" * 5000 + "the innermost text" + "</div>" * 5000
    assert parse(page.encode()).text == "the innermost text"


def test_nesting_beyond_all_use_is_refused() -> None:
    with pytest.raises(BrokenFileError):
        parse(("<ul><li>" * 5000 + "x").encode())


@pytest.mark.parametrize("page", [b"<", b"<html>", b"<!-- -->", b"</p>", b"<table>", b"<li>"])
def test_pages_without_text_have_no_blocks(page: bytes) -> None:
    assert all(block.end > block.start for block in parse(page).blocks)


@pytest.mark.parametrize(
    ("table", "header"),
    [
        ("<thead><tr><td>a<td>b</thead><tr><td>1<td>2", "a | b"),
        ("<tr><th>a<th>b<tr><td>1<td>2", "a | b"),
        ("<caption>Ports</caption><tr><th>a<th>b<tr><th>1<td>2", "Ports\na | b"),
        ("<thead><tr><th>a<tr><th>b</thead><tr><td>1", "a\nb"),
        ("<tr><td>a<td>b<tr><th>1<th>2", None),
        ("<tr><th>a<th>b", None),
    ],
)
def test_the_header_of_a_table_is_told(table: str, header: str | None) -> None:
    parsed = parse(f"<table>{table}</table>".encode())
    span = parsed.blocks[0].header
    assert (None if span is None else parsed.text[slice(*span)]) == header


def test_a_row_stays_one_line_whatever_its_cells_hold() -> None:
    page = "<table><tr><td>a<td><ul><li>x<li>y</ul><td>b<tr><td>1<td>2<td>3</table>"
    assert parse(page.encode()).text == "a | x y | b\n1 | 2 | 3"


@pytest.mark.parametrize(
    ("markup", "is_read"),
    [
        ('<p style="color:#fff">unseen</p>', False),
        ('<p style="color: WHITE; font-weight: bold">unseen</p>', False),
        ('<p style="color:#333;background-color:#333">unseen</p>', False),
        ('<table bgcolor="#036"><tr><td><p style="color:#fff">seen</p></td></tr></table>', True),
        ('<div style="background:#036"><p style="color:white">seen</p></div>', True),
        ('<div class="dark"><p style="color:white">seen</p></div>', True),
        ('<p style="color:#333">seen</p>', True),
    ],
)
def test_text_in_the_colour_of_its_ground_is_left_out(markup: str, is_read: bool) -> None:
    parsed = parse(f"<html><body><p>Something to read.</p>{markup}</body></html>".encode())
    assert ("seen" in parsed.text) is is_read
