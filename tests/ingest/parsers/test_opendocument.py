from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from ingest.document import BlockKind
from ingest.errors import BrokenFileError, EncryptedFileError, FileTooLargeError, UnsafeFileError
from ingest.parsers.opendocument import parse
from ingest.parsers.text_builder import ParsedFile

_SPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("draw", "drawing"),
        ("style", "style"),
        ("presentation", "presentation"),
        ("svg", "svg-compatible"),
        ("meta", "meta"),
        ("manifest", "manifest"),
    )
)
_DUBLIN_CORE = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'


def _packed(kind: str, body: str, styles: str = "", **parts: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        content = f"<office:automatic-styles>{styles}</office:automatic-styles>"
        content += f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
        archive.writestr(
            "content.xml", f"<office:document-content {_SPACES}>{content}</office:document-content>"
        )
        for name, part in parts.items():
            archive.writestr({"meta": "meta.xml", "manifest": "META-INF/manifest.xml"}[name], part)
    return buffer.getvalue()


def _text(body: str, styles: str = "") -> ParsedFile:
    return parse(_packed("text", body, styles))


def _blocks(parsed: ParsedFile) -> list[tuple[BlockKind, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def test_headings_paragraphs_and_lists_are_read_in_order() -> None:
    parsed = _text(
        '<text:h text:outline-level="1">方法</text:h><text:p>One<text:s text:c="2"/>two<text:tab/>three'
        "<text:line-break/>four <text:span>five</text:span></text:p>"
        "<text:list><text:list-item><text:p>a</text:p>"
        "<text:list><text:list-item><text:p>b</text:p></text:list-item></text:list></text:list-item></text:list>"
        '<text:h text:outline-level="2">Data</text:h><text:p>end</text:p>'
    )
    assert _blocks(parsed) == [
        (BlockKind.HEADING, "方法"),
        (BlockKind.PARAGRAPH, "One  two\tthree\nfour five"),
        (BlockKind.LIST, "- a\n  - b"),
        (BlockKind.HEADING, "Data"),
        (BlockKind.PARAGRAPH, "end"),
    ]
    assert parsed.blocks[-1].heading_path == ("方法", "Data")
    assert parsed.title == "方法"


def test_the_paragraph_of_the_title_style_is_the_title() -> None:
    style = '<style:style style:name="P1" style:parent-style-name="Title"/>'
    parsed = _text('<text:p text:style-name="P1">Handbook</text:p><text:p>text</text:p>', style)
    assert parsed.title == "Handbook"
    assert parsed.blocks[1].heading_path == ("Handbook",)


def test_numbered_headings_stand_in_lists_and_are_headings_still() -> None:
    heading = '<text:h text:outline-level="1">Scope</text:h>'
    parsed = _text(f"<text:list><text:list-item>{heading}</text:list-item></text:list>")
    assert _blocks(parsed) == [(BlockKind.HEADING, "Scope")]


def test_notes_and_text_boxes_follow_their_paragraph_and_what_is_not_shown_is_left_out() -> None:
    hidden = '<style:style style:name="H"><style:text-properties text:display="none"/></style:style>'
    parsed = _text(
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        "<text:table-of-content><text:p>contents</text:p></text:table-of-content>"
        "<text:p>kept<text:note><text:note-citation>1</text:note-citation>"
        "<text:note-body><text:p>a note</text:p></text:note-body></text:note>"
        '<text:span text:style-name="H">secret</text:span>'
        "<office:annotation><text:p>comment</text:p></office:annotation>"
        "<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame></text:p>",
        hidden,
    )
    assert parsed.text == "kept\n\na note\n\nboxed"


def test_tables_keep_their_header_rows_and_merged_cells() -> None:
    parsed = _text(
        "<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>team</text:p>"
        "</table:table-cell><table:table-cell><text:p>sum</text:p></table:table-cell></table:table-row>"
        "</table:table-header-rows><table:table-row>"
        '<table:table-cell table:number-rows-spanned="2"><text:p>North</text:p></table:table-cell>'
        "<table:table-cell><text:p>5</text:p></table:table-cell></table:table-row><table:table-row>"
        "<table:covered-table-cell/><table:table-cell><text:p>6</text:p></table:table-cell></table:table-row>"
        "</table:table>"
    )
    assert parsed.text == "team | sum\nNorth | 5\nNorth | 6"
    assert parsed.blocks[0].header == (0, len("team | sum"))


def _row(*cells: str, more: str = "") -> str:
    inside = "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in cells)
    return f"<table:table-row {more}>{inside}</table:table-row>"


def test_sheets_are_pages_and_blank_repeats_cost_nothing() -> None:
    blank = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
    blank += 'table:number-columns-repeated="16384"/></table:table-row>'
    sheet = _row("city", "sum") + _row("北京", "12.50 €") + blank + _row("end")
    body = f'<table:table table:name="Sales">{sheet}</table:table><table:table table:name="Empty"/>'
    parsed = parse(_packed("spreadsheet", body))
    assert parsed.text == "Sales\n\ncity | sum\n北京 | 12.50 €\n\nend"
    assert [(page.number, page.label) for page in parsed.pages] == [(1, "Sales")]


def test_repeated_rows_are_written_out_up_to_a_bound() -> None:
    twice = _row("x", more='table:number-rows-repeated="3"')
    body = f'<table:table table:name="S">{twice}</table:table>'
    assert parse(_packed("spreadsheet", body)).text == "S\n\nx\nx\nx"
    with pytest.raises(FileTooLargeError, match="cells"):
        parse(_packed("spreadsheet", body.replace('"3"', '"9000000"')))


def test_slides_are_pages_with_title_shapes_in_order_and_notes() -> None:
    def frame(text: str, top: str, more: str = "") -> str:
        box = f"<draw:text-box><text:p>{text}</text:p></draw:text-box>"
        return f'<draw:frame svg:x="1cm" svg:y="{top}" {more}>{box}</draw:frame>'

    title = frame("Results", "9cm", 'presentation:class="title"')
    notes = f"<presentation:notes>{frame('say thanks', '1cm')}</presentation:notes>"
    shapes = frame("second", "50mm") + frame("first", "1in")
    body = f'<draw:page draw:name="p1">{shapes}{title}{notes}</draw:page>'
    body += f'<draw:page draw:name="p2">{frame("untitled", "1cm")}</draw:page>'
    parsed = parse(_packed("presentation", body))
    assert parsed.text == "Results\n\nfirst\n\nsecond\n\nsay thanks\n\nuntitled"
    assert [page.label for page in parsed.pages] == ["Results", "p2"]
    assert parsed.blocks[-1].heading_path == ()


def test_properties_are_read() -> None:
    inside = "<dc:title>Stated</dc:title><dc:creator>Ada</dc:creator><meta:keyword>a</meta:keyword>"
    inside += "<meta:keyword>b</meta:keyword><dc:date>2024-01-01T00:00:00</dc:date>"
    meta = f"<office:document-meta {_SPACES} {_DUBLIN_CORE}><office:meta>{inside}</office:meta>"
    meta += "</office:document-meta>"
    parsed = parse(_packed("text", "<text:p>x</text:p>", meta=meta))
    assert parsed.title == "Stated"
    assert parsed.metadata == {"author": "Ada", "keywords": "a, b", "modified": "2024-01-01T00:00:00"}


def test_an_encrypted_file_is_refused() -> None:
    entry = "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"
    manifest = f"<manifest:manifest {_SPACES}>{entry}</manifest:manifest>"
    with pytest.raises(EncryptedFileError):
        parse(_packed("text", "", manifest=manifest))


def test_entities_and_damage_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("content.xml", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>')
    with pytest.raises(UnsafeFileError):
        parse(buffer.getvalue())
    with pytest.raises(BrokenFileError, match="damaged"):
        _text("<text:p>")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("content.xml", "<a/>")
    with pytest.raises(BrokenFileError, match="no body"):
        parse(buffer.getvalue())


def test_real_files_are_read(shared_data: Path) -> None:
    files = shared_data / "dev" / "docs" / "files"
    sheet = parse((files / "docling__odf_table_with_title_01.ods").read_bytes())
    assert "Year | Freshwater Ducks\n2019 | 120" in sheet.text
    parsed = parse((files / "docling__text_document_01.odt").read_bytes())
    assert parsed.blocks[-1].heading_path == ("heading level 1.0", "Heading level 2: B")
