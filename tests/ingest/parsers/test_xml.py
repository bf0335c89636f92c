from __future__ import annotations

import pytest

from ingest.document import BlockKind
from ingest.errors import BrokenFileError, UnsafeFileError
from ingest.parsers.text_builder import ParsedFile
from ingest.parsers.xml import parse

_DOCBOOK = """<?xml version="1.0"?>
<!DOCTYPE book PUBLIC "-//OASIS//DTD DocBook XML V4.5//EN" "http://docbook.example/docbookx.dtd" [
  <!ENTITY product "Troika <b>Server</b> &#8212; &nbsp;2"> <!-- it's a comment -->
]>
<book xml:lang="en"><bookinfo><title>The &product; Book</title>
<author><firstname>Ada</firstname><surname>L</surname></author></bookinfo>
<chapter><title>Start</title>
<para>Run <emphasis>it</emphasis> now&hellip;<footnote><para>A note.</para></footnote>
<itemizedlist><listitem><para>one</para><itemizedlist><listitem><para>deep</para></listitem></itemizedlist>
</listitem><listitem><para>two</para></listitem></itemizedlist>and then.</para>
<section><title>Ports</title><programlisting>def f():
    pass</programlisting>
<table><title>Ports in use</title><tgroup cols="2">
<thead><row><entry>name</entry><entry>port</entry></row></thead>
<tbody><row><entry>http</entry><entry><para>80</para></entry></row></tbody></tgroup></table>
</section></chapter></book>"""
_JATS = """<article><front><article-meta><title-group><article-title>On
<i>chunks</i></article-title></title-group><contrib-group><contrib><name><surname>Li</surname><given-names>Wei</given-names></name></contrib></contrib-group>
<abstract><title>Abstract</title><p>Short.</p></abstract></article-meta></front>
<body><sec><title>Method</title><p>See <xref>1</xref> and on.</p></sec></body></article>"""
_RSS = """<rss version="2.0"><channel><title>News</title><description>All of it</description>
<item><title>First</title><link>http://x/1</link><pubDate>Monday</pubDate>
<description>&lt;p&gt;Hello &lt;b&gt;you&lt;/b&gt;&lt;/p&gt;
&lt;ul&gt;&lt;li&gt;a&lt;/li&gt;&lt;/ul&gt;</description></item>
<item><title>Second</title><description>plain</description></item></channel></rss>"""
_ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Log</title><entry><title>Entry</title>
<link href="http://e"/><updated>2024</updated>
<content type="xhtml"><div><p>One.</p><p>Two.</p></div></content></entry></feed>"""


def _blocks(parsed: ParsedFile) -> list[tuple[BlockKind, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def test_prose_has_headings_lists_code_tables_and_notes() -> None:
    parsed = parse(_DOCBOOK.encode())
    assert _blocks(parsed) == [
        (BlockKind.HEADING, "The Troika Server — 2 Book"),
        (BlockKind.PARAGRAPH, "Ada L"),
        (BlockKind.HEADING, "Start"),
        (BlockKind.PARAGRAPH, "Run it now…"),
        (BlockKind.LIST, "- one\n  - deep\n- two"),
        (BlockKind.PARAGRAPH, "and then."),
        (BlockKind.PARAGRAPH, "A note."),
        (BlockKind.HEADING, "Ports"),
        (BlockKind.CODE, "def f():\n    pass"),
        (BlockKind.PARAGRAPH, "Ports in use"),
        (BlockKind.TABLE, "name | port\nhttp | 80"),
    ]
    table = parsed.blocks[-1]
    assert table.heading_path == ("The Troika Server — 2 Book", "Start", "Ports")
    assert table.header == (table.start, table.start + len("name | port"))
    assert parsed.title == "The Troika Server — 2 Book"
    assert parsed.metadata == {"lang": "en"}


def test_an_article_of_a_journal_is_read() -> None:
    parsed = parse(_JATS.encode())
    assert parsed.title == "On chunks"
    assert (BlockKind.PARAGRAPH, "See 1 and on.") in _blocks(parsed)
    assert parsed.blocks[-1].heading_path == ("On chunks", "Method")


def test_each_item_of_a_feed_is_a_section() -> None:
    parsed = parse(_RSS.encode())
    assert parsed.title == "News"
    assert _blocks(parsed) == [
        (BlockKind.HEADING, "News"),
        (BlockKind.PARAGRAPH, "All of it"),
        (BlockKind.HEADING, "First"),
        (BlockKind.PARAGRAPH, "pubDate: Monday\nlink: http://x/1"),
        (BlockKind.PARAGRAPH, "Hello you"),
        (BlockKind.LIST, "- a"),
        (BlockKind.HEADING, "Second"),
        (BlockKind.PARAGRAPH, "plain"),
    ]


def test_an_atom_feed_is_read() -> None:
    parsed = parse(_ATOM.encode())
    assert parsed.blocks[-1].heading_path == ("Log", "Entry")
    assert _blocks(parsed)[-2:] == [
        (BlockKind.PARAGRAPH, "updated: 2024\nlink: http://e"),
        (BlockKind.PARAGRAPH, "One. Two."),
    ]


def test_data_becomes_tables_and_lines() -> None:
    items = "<item id='1'><name>tea</name></item><item id='2'><name>cake</name></item>"
    source = f"<shop><city code='7'>Bonn</city>{items}</shop>"
    assert _blocks(parse(source.encode())) == [
        (BlockKind.PARAGRAPH, "city.code: 7\ncity.text: Bonn"),
        (BlockKind.HEADING, "item"),
        (BlockKind.TABLE, "id | name\n1 | tea\n2 | cake"),
    ]


def test_a_page_is_read_as_one() -> None:
    source = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title></head><body><p>a&nbsp;b</p></body></html>'
    parsed = parse(source.encode())
    assert (parsed.title, parsed.text) == ("t", "a b")


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-16"])
def test_the_encoding_is_declared_or_told(encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding}"?><根><名>中文内容测试</名><值>五</值></根>'
    assert parse(declared.encode(encoding)).text == "名: 中文内容测试\n值: 五"


@pytest.mark.parametrize(
    "source",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        '<!DOCTYPE a [<!ENTITY x PUBLIC "x" "http://a.example/x">]><a>&x;</a>',
        '<!DOCTYPE a [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY % p "x"><!ENTITY b "%p;">]><a>&b;</a>',
        f'<!DOCTYPE a [<!ENTITY a "{"x" * 900}">]><a>{"&a;" * 20_000}</a>',
        f'<!DOCTYPE a [<!ENTITY a "{"x" * 5000}">]><a>&a;</a>',
    ],
)
def test_entities_that_expand_or_reach_outside_are_refused(source: str) -> None:
    with pytest.raises(UnsafeFileError, match="entit"):
        parse(source.encode())


def test_a_document_type_from_elsewhere_is_not_fetched() -> None:
    subset = '<!ENTITY % x SYSTEM "http://a.example/x.dtd"> %x;'
    source = f'<!DOCTYPE a SYSTEM "http://a.example/a.dtd" [{subset}]><a>t &y;</a>'
    assert parse(source.encode()).text == "t &y;"


@pytest.mark.parametrize(
    "source",
    [
        "<a><b></a>",
        "no XML",
        "<a>" * 1500 + "x" + "</a>" * 1500,
        "<a>" * 3000,
        "<!DOCTYPE a [ <!ENTITY ",
        "<list><item>" * 400 + "x" + "</item></list>" * 400 + "<p>",
    ],
)
def test_what_is_not_well_formed_or_too_deep_is_broken(source: str) -> None:
    with pytest.raises(BrokenFileError):
        parse(source.encode())
