from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import RectangleObject
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate

from ingest.document import TextBox
from ingest.parsers.pdf import parse

_WIDTH, _HEIGHT = 600.0, 800.0
_SIZE = 20.0


def _drawn(lines: Sequence[tuple[float, float, str]], turn: int = 0, crop: tuple[float, ...] = ()) -> bytes:
    """A page with text at (x, y) from the lower left, then turned and cropped."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(_WIDTH, _HEIGHT))
    canvas.setFont("Helvetica", _SIZE)
    for x, y, text in lines:
        canvas.drawString(x, y, text)
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(buffer))
    page = writer.pages[0]
    if turn:
        page.rotate(turn)
    if crop:
        page.cropbox = RectangleObject(crop)
    turned = io.BytesIO()
    writer.write(turned)
    return turned.getvalue()


def _holds(box: TextBox, x: float, y: float) -> bool:
    """Whether a point, in fractions from the upper left, lies in the box, within a hundredth."""
    return box.left - 0.01 <= x <= box.right + 0.01 and box.top - 0.01 <= y <= box.bottom + 0.01


def test_a_box_stands_where_its_line_was_drawn() -> None:
    parsed = parse(_drawn([(60, 700, "Upper line here"), (300, 100, "Lower line here")]))
    upper, lower = parsed.boxes
    assert parsed.text[upper.start : upper.end] == "Upper line here"
    assert parsed.text[lower.start : lower.end] == "Lower line here"
    assert upper.left == pytest.approx(60 / _WIDTH, abs=0.005)
    assert upper.top < 1 - 700 / _HEIGHT < upper.bottom
    assert upper.bottom - upper.top == pytest.approx(_SIZE / _HEIGHT, rel=0.4)
    assert lower.left == pytest.approx(300 / _WIDTH, abs=0.005)
    assert upper.page == lower.page == 1


@pytest.mark.parametrize(
    ("turn", "point"),
    [
        (0, (120 / _WIDTH, 1 - 605 / _HEIGHT)),
        (90, (605 / _HEIGHT, 120 / _WIDTH)),
        (180, (1 - 120 / _WIDTH, 605 / _HEIGHT)),
        (270, (1 - 605 / _HEIGHT, 1 - 120 / _WIDTH)),
    ],
)
def test_boxes_follow_the_page_s_rotation(turn: int, point: tuple[float, float]) -> None:
    (box,) = parse(_drawn([(100, 600, "Some words to find")], turn)).boxes
    assert _holds(box, *point)
    across = box.right - box.left, box.bottom - box.top
    assert (across[0] > across[1]) == (turn % 180 == 0)


def test_boxes_count_from_the_crop_box() -> None:
    (box,) = parse(_drawn([(200, 600, "Some words to find")], crop=(100, 300, 500, 700))).boxes
    assert box.left == pytest.approx((200 - 100) / 400, abs=0.005)
    assert box.top < (700 - 600) / 400 < box.bottom


@pytest.mark.parametrize("turn", [90, 270])
def test_upright_text_on_a_turned_page_reads_and_sizes_as_any_other(turn: int) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(_WIDTH, _HEIGHT))
    canvas.translate(*((_WIDTH, 0) if turn == 90 else (0, _HEIGHT)))
    canvas.rotate(turn if turn == 90 else -90)
    canvas.setFont("Helvetica", 24)
    canvas.drawString(80, 500, "A heading")
    canvas.setFont("Helvetica", 11)
    for row in range(4):
        canvas.drawString(
            80, 460 - 14 * row, f"and a line of the body of the text that is longer, number {row}"
        )
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(buffer))
    writer.pages[0].rotate(turn)
    turned = io.BytesIO()
    writer.write(turned)
    parsed = parse(turned.getvalue())
    assert parsed.blocks[0].heading_path == ("A heading",)
    assert parsed.boxes[0].top < parsed.boxes[1].top < parsed.boxes[2].top
    assert all(box.right - box.left > box.bottom - box.top for box in parsed.boxes)


def test_spans_of_boxes_are_exact_after_lines_are_joined_over_pages() -> None:
    style = ParagraphStyle("big", fontName="Helvetica", fontSize=24, leading=30)
    text = " ".join(f"word{n} follows another one" for n in range(120)) + "."
    buffer = io.BytesIO()
    SimpleDocTemplate(buffer, pagesize=A4).build([Paragraph(text, style)])
    content = buffer.getvalue()
    parsed = parse(content)
    shown = [
        row.strip()
        for page in PdfReader(io.BytesIO(content)).pages
        for row in page.extract_text().split("\n")
    ]
    assert [parsed.text[box.start : box.end] for box in parsed.boxes] == [row for row in shown if row]
    for box, following in zip(parsed.boxes, parsed.boxes[1:], strict=False):
        assert box.end <= following.start
    for page in parsed.pages:
        assert all(page.start <= box.start < page.end for box in parsed.boxes if box.page == page.number)
