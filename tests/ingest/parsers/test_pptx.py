from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, cast

import pptx
import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.oxml import parse_xml
from pptx.presentation import Presentation
from pptx.util import Inches

from ingest.document import BlockKind
from ingest.errors import BrokenFileError, UnsafeFileError
from ingest.parsers.pptx import parse
from ingest.parsers.text_builder import ParsedFile

_TITLED, _BLANK = 1, 6


def _saved(deck: Presentation) -> bytes:
    buffer = io.BytesIO()
    deck.save(buffer)
    return buffer.getvalue()


def _slide(deck: Presentation, layout: int, title: str = "") -> Any:
    slide = cast("Any", deck.slides.add_slide(deck.slide_layouts[layout]))
    if title:
        slide.shapes.title.text = title
    return slide


def _box(slide: Any, text: str, left: float, top: float) -> Any:
    box = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1))
    box.text_frame.text = text
    return box


def _blocks(parsed: ParsedFile) -> list[tuple[BlockKind, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def test_slides_are_pages_with_their_titles_as_headings_and_notes_at_the_end() -> None:
    deck = pptx.Presentation()
    slide = _slide(deck, _TITLED, "季度回顾")
    frame = slide.placeholders[1].text_frame
    frame.text = "Sales grew"
    inner = frame.add_paragraph()
    inner.text, inner.level = "in Asia", 1
    slide.notes_slide.notes_text_frame.text = "Mention the weather."
    _box(_slide(deck, _BLANK), "No title here", 1, 1)
    deck.core_properties.title = "PowerPoint Presentation"
    deck.core_properties.author = "Ada"
    parsed = parse(_saved(deck))
    assert _blocks(parsed) == [
        (BlockKind.HEADING, "季度回顾"),
        (BlockKind.LIST, "- Sales grew\n  - in Asia"),
        (BlockKind.PARAGRAPH, "Mention the weather."),
        (BlockKind.PARAGRAPH, "No title here"),
    ]
    assert [(page.number, page.label) for page in parsed.pages] == [(1, "季度回顾"), (2, "")]
    assert parsed.blocks[2].heading_path == ("季度回顾",)
    assert parsed.blocks[3].heading_path == ()
    assert parsed.title == "季度回顾"
    assert parsed.metadata["author"] == "Ada"


def test_text_boxes_are_read_from_top_to_bottom_and_left_to_right() -> None:
    deck = pptx.Presentation()
    slide = _slide(deck, _BLANK)
    for text, left, top in (("last", 1, 5), ("right", 5, 1), ("left", 1, 1.1), ("middle", 3, 3)):
        _box(slide, text, left, top)
    assert parse(_saved(deck)).text == "left\n\nright\n\nmiddle\n\nlast"


def test_groups_line_breaks_and_hidden_slides_are_read() -> None:
    deck = pptx.Presentation()
    slide = _slide(deck, _BLANK)
    box = _box(slide, "first\vsecond", 1, 1)
    slide.shapes.add_group_shape([box])
    slide._element.set("show", "0")
    assert parse(_saved(deck)).text == "first\nsecond"


def test_tables_keep_their_header_and_merged_cells() -> None:
    deck = pptx.Presentation()
    shapes = _slide(deck, _BLANK).shapes
    table = shapes.add_table(3, 2, Inches(1), Inches(1), Inches(4), Inches(2)).table
    for place, text in (((0, 0), "team"), ((0, 1), "sum"), ((1, 0), "North"), ((1, 1), "5"), ((2, 1), "6")):
        table.cell(*place).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    parsed = parse(_saved(deck))
    assert parsed.text == "team | sum\nNorth | 5\nNorth | 6"
    assert parsed.blocks[0].header == (0, len("team | sum"))


def test_charts_are_read_as_tables_of_their_figures() -> None:
    deck = pptx.Presentation()
    data = CategoryChartData()
    data.categories = ["Q1", "Q2"]
    data.add_series("North", (1.5, 2))
    data.add_series("South", (3, None))
    place = (Inches(1), Inches(1), Inches(5), Inches(3))
    shapes = _slide(deck, _BLANK).shapes
    chart = shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *place, data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Sales by region"
    chart.value_axis.has_title = True
    chart.value_axis.axis_title.text_frame.text = "Million euro"
    assert (
        parse(_saved(deck)).text == "Sales by region\n\nMillion euro\n\n| North | South\nQ1 | 1.5 | 3\nQ2 | 2"
    )


def test_numbered_items_bullets_and_equations_are_read() -> None:
    deck = pptx.Presentation()
    box = _box(_slide(deck, _BLANK), "Steps:", 1, 1)
    body = box.text_frame._txBody
    spaces = (
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    )
    marks = (
        '<a:buAutoNum type="arabicPeriod"/>',
        '<a:buAutoNum type="arabicPeriod"/>',
        '<a:buChar char="•"/>',
    )
    for mark, text in zip(marks, ("open", "close", "rest"), strict=True):
        body.append(parse_xml(f"<a:p {spaces}><a:pPr>{mark}</a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>"))
    body.append(
        parse_xml(
            f"<a:p {spaces}><a:r><a:t>so </a:t></a:r><m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath></a:p>"
        )
    )
    assert parse(_saved(deck)).text == "Steps:\n\n1. open\n2. close\n- rest\n\nso x=1"


def test_footers_are_read_once_and_slide_numbers_never() -> None:
    deck = pptx.Presentation()
    mark = (
        '<p:sp xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><p:nvSpPr>'
        '<p:cNvPr id="90{0}" name="f"/><p:cNvSpPr/><p:nvPr><p:ph type="{1}" idx="1{0}"/></p:nvPr></p:nvSpPr>'
        "<p:spPr/><p:txBody><a:bodyPr/><a:p>{2}</a:p></p:txBody></p:sp>"
    )
    for _ in range(3):
        tree = _slide(deck, _BLANK).shapes._spTree
        tree.append(parse_xml(mark.format(1, "ftr", "<a:r><a:t>Acme, internal</a:t></a:r>")))
        tree.append(
            parse_xml(mark.format(2, "sldNum", '<a:fld id="{{0}}" type="slidenum"><a:t>1</a:t></a:fld>'))
        )
    assert parse(_saved(deck)).text == "Acme, internal"


def test_placeholders_stand_where_their_layout_says() -> None:
    deck = pptx.Presentation()
    slide = _slide(deck, 3, "Two columns")
    left, right = slide.placeholders[1], slide.placeholders[2]
    left.text_frame.text, right.text_frame.text = "left", "right"
    slide.shapes._spTree.remove(left._element)
    slide.shapes._spTree.append(left._element)
    assert parse(_saved(deck)).text == "Two columns\n\nleft\n\nright"


def _replaced(content: bytes, name: str, part: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", 8) as new:
        for entry in old.namelist():
            new.writestr(entry, part if entry == name else old.read(entry))
    return buffer.getvalue()


def test_damage_to_what_no_one_reads_does_not_lose_a_deck() -> None:
    deck = pptx.Presentation()
    _box(_slide(deck, _BLANK), "still here", 1, 1)
    content = _replaced(_saved(deck), "ppt/theme/theme1.xml", b"<damaged")
    assert parse(content).text == "still here"
    with pytest.raises(BrokenFileError, match="slide1"):
        parse(_replaced(content, "ppt/slides/slide1.xml", b"<damaged"))


def test_a_deck_in_the_strict_namespace_is_refused_with_a_remedy() -> None:
    strict = b'<p:presentation xmlns:p="http://purl.oclc.org/ooxml/presentationml/main"/>'
    with pytest.raises(BrokenFileError, match="Strict"):
        parse(_replaced(_saved(pptx.Presentation()), "ppt/presentation.xml", strict))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO(_saved(pptx.Presentation()))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ppt/media/zeros.bin", bytes(20_000_000))
    with pytest.raises(UnsafeFileError, match=r"zeros\.bin"):
        parse(buffer.getvalue())


def test_a_real_deck_reads_as_its_reference(shared_data: Path) -> None:
    content = (shared_data / "dev" / "docs" / "files" / "docling__powerpoint_sample.pptx").read_bytes()
    text = parse(content).text
    assert "R4 | True | False | True | False | True | False" in text
    assert "1. List item4\n2. List item5\n3. List item6" in text
