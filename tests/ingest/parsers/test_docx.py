from __future__ import annotations

import io
import zipfile

import docx
import pytest
from docx.document import Document as WordDocument
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from ingest.document import BlockKind
from ingest.errors import UnsafeFileError
from ingest.parsers.docx import parse
from ingest.parsers.text_builder import ParsedFile


def _saved(word: WordDocument) -> bytes:
    buffer = io.BytesIO()
    word.save(buffer)
    return buffer.getvalue()


def _blocks(parsed: ParsedFile) -> list[tuple[BlockKind, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def _append(word: WordDocument, xml: str) -> None:
    body = word.element.body
    body.insert(len(body) - 1, parse_xml(xml.replace("<w:p>", f"<w:p {nsdecls('w')}>", 1)))


def test_the_body_is_read_in_document_order() -> None:
    word = docx.Document()
    word.add_heading("Alignment", 0)
    word.add_heading("Methods", 1)
    word.add_paragraph("DPO needs pairs.")
    word.add_paragraph("first", style="List Bullet")
    word.add_paragraph("second", style="List Number")
    table = word.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("a", "b", "1", "2"), strict=True):
        cell.text = text
    word.add_heading("Data", 2)
    word.add_paragraph("After the table.")
    parsed = parse(_saved(word))
    assert _blocks(parsed) == [
        (BlockKind.HEADING, "Alignment"),
        (BlockKind.HEADING, "Methods"),
        (BlockKind.PARAGRAPH, "DPO needs pairs."),
        (BlockKind.LIST, "- first\n- second"),
        (BlockKind.TABLE, "a | b\n1 | 2"),
        (BlockKind.HEADING, "Data"),
        (BlockKind.PARAGRAPH, "After the table."),
    ]
    assert parsed.blocks[-1].heading_path == ("Alignment", "Methods", "Data")
    assert parsed.title == "Alignment"


def test_the_title_property_counts_when_no_paragraph_is_the_title() -> None:
    word = docx.Document()
    word.core_properties.title = "Stated title"
    word.core_properties.author = "Ada"
    word.add_paragraph("text")
    parsed = parse(_saved(word))
    assert parsed.title == "Stated title"
    assert parsed.metadata["author"] == "Ada"


def test_localized_heading_styles_and_outline_levels_are_headings() -> None:
    word = docx.Document()
    for name in ("标题 2", "Überschrift 3"):
        word.styles.add_style(name, 1)
        word.add_paragraph(name, style=name)
    _append(word, '<w:p><w:pPr><w:outlineLvl w:val="3"/></w:pPr><w:r><w:t>outlined</w:t></w:r></w:p>')
    assert [(b.kind, b.heading_path) for b in parse(_saved(word)).blocks] == [
        (BlockKind.HEADING, ("标题 2",)),
        (BlockKind.HEADING, ("标题 2", "Überschrift 3")),
        (BlockKind.HEADING, ("标题 2", "Überschrift 3", "outlined")),
    ]


def test_inserted_text_and_equations_are_read_and_deleted_and_hidden_text_is_not() -> None:
    word = docx.Document()
    _append(
        word,
        "<w:p><w:r><w:t xml:space='preserve'>kept </w:t></w:r>"
        "<w:ins><w:r><w:t>inserted</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
        '<m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math">'
        "<m:r><m:t> x=1</m:t></m:r></m:oMath></w:p>",
    )
    assert parse(_saved(word)).text == "kept inserted x=1"


def test_content_controls_and_nested_tables_are_read() -> None:
    word = docx.Document()
    table = word.add_table(rows=1, cols=1)
    table.cell(0, 0).text = "outer"
    table.cell(0, 0).add_table(rows=1, cols=2).cell(0, 1).text = "inner"
    paragraph = "<w:p><w:r><w:t>controlled</w:t></w:r></w:p>"
    control = f"<w:sdt {nsdecls('w')}><w:sdtContent>{paragraph}</w:sdtContent></w:sdt>"
    word.element.body.insert(0, parse_xml(control))
    assert _blocks(parse(_saved(word))) == [
        (BlockKind.PARAGRAPH, "controlled"),
        (BlockKind.TABLE, "outer\n| inner"),
    ]


def _repacked(content: bytes, name: str, part: bytes) -> bytes:
    """The same package with the part ``name`` replaced or added."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.namelist():
            if entry != name:
                new.writestr(entry, old.read(entry))
        new.writestr(name, part)
    return buffer.getvalue()


def test_external_entities_are_not_read() -> None:
    body = (
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
        b"<w:p><w:r><w:t>safe &x;</w:t></w:r></w:p></w:body></w:document>"
    )
    with pytest.raises(UnsafeFileError, match="entities"):
        parse(_repacked(_saved(docx.Document()), "word/document.xml", body))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    content = _repacked(_saved(docx.Document()), "word/media/zeros.bin", b"\0" * 20_000_000)
    with pytest.raises(UnsafeFileError, match=r"zeros\.bin"):
        parse(content)


@pytest.mark.parametrize(("marked", "header"), [(True, "1 | 2"), (False, None)])
def test_rows_that_word_repeats_are_the_header_of_a_table(marked: bool, header: str | None) -> None:
    word = docx.Document()
    table = word.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("1", "2", "3", "4"), strict=True):
        cell.text = text
    if marked:
        table.rows[0]._tr.get_or_add_trPr().append(parse_xml(f"<w:tblHeader {nsdecls('w')}/>"))
    parsed = parse(_saved(word))
    span = parsed.blocks[0].header
    assert (None if span is None else parsed.text[slice(*span)]) == header


def test_a_first_row_of_names_is_the_header_of_a_table() -> None:
    word = docx.Document()
    table = word.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("name", "port", "http", "80"), strict=True):
        cell.text = text
    parsed = parse(_saved(word))
    assert parsed.blocks[0].header == (0, len("name | port"))
