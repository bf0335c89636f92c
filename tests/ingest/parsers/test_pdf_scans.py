from __future__ import annotations

import io
import math
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from ingest.errors import NoTextError
from ingest.parsers import ocr, pdf_scans
from ingest.parsers.pdf import parse

needs_ocr = pytest.mark.skipif(not ocr.is_available(), reason="the extra `ocr` is not installed")

_PAGE = (400.0, 300.0)
_LINES = ("Snapshots are immutable", "The pointer moves last")


def _picture() -> Image.Image:
    picture = Image.new("RGB", (1000, 750), "white")
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(48)
    for row, text in enumerate(_LINES):
        pen.text((100, 150 + 200 * row), text, fill="black", font=font)
    return picture


def _scanned(text_on_first_page: str = "", blank: bool = False) -> bytes:
    """A page with text, if any, then one that is nothing but a picture of text, or blank."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=_PAGE)
    if text_on_first_page:
        canvas.drawString(40, 200, text_on_first_page)
        canvas.showPage()
    if not blank:
        canvas.drawImage(ImageReader(_picture()), 0, 0, *_PAGE)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def test_without_the_extra_a_scan_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "is_available", lambda: False)
    with pytest.raises(NoTextError, match=r'pip install "troika\[ocr\]"'):
        parse(_scanned())


def test_without_the_extra_scanned_pages_are_counted_and_the_others_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ocr, "is_available", lambda: False)
    parsed = parse(_scanned("This page has text of its own."))
    assert parsed.text == "This page has text of its own."
    assert parsed.metadata["pages_without_text"] == 1


def test_blank_pages_are_no_scans() -> None:
    parsed = parse(_scanned("This page has text of its own.", blank=True))
    assert "pages_without_text" not in parsed.metadata


def test_pages_with_text_are_never_sent_to_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(picture: object) -> list[ocr.RecognizedLine]:
        raise AssertionError("no page needed it")

    monkeypatch.setattr(ocr, "recognize", refuse)
    assert parse(_scanned("This page has text of its own.", blank=True)).text


def _scans(pages: int) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=_PAGE)
    for _ in range(pages):
        canvas.drawImage(ImageReader(_picture()), 0, 0, *_PAGE)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


@pytest.mark.parametrize(("seconds", "read"), [(0.0, 1), (math.inf, 3)])
def test_scans_that_there_is_no_time_for_are_left_unread_and_counted(
    seconds: float, read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recognize(picture: object) -> list[ocr.RecognizedLine]:
        return [ocr.RecognizedLine("A line of a scan.", 100, 100, 500, 150)]

    monkeypatch.setattr(ocr, "is_available", lambda: True)
    monkeypatch.setattr(ocr, "recognize", recognize)
    monkeypatch.setattr(pdf_scans, "seconds_left", lambda: seconds)
    parsed = parse(_scans(3))
    assert [page.number for page in parsed.pages] == list(range(1, read + 1))
    assert parsed.metadata.get("pages_unread_for_time", 0) == 3 - read


def test_scans_in_which_nothing_was_found_in_time_ask_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(picture: object) -> list[ocr.RecognizedLine]:
        return []

    monkeypatch.setattr(ocr, "is_available", lambda: True)
    monkeypatch.setattr(ocr, "recognize", find_nothing)
    monkeypatch.setattr(pdf_scans, "seconds_left", lambda: 0.0)
    with pytest.raises(NoTextError, match=r"no time for 2: .*ingest\.parse_seconds"):
        parse(_scans(3))


@needs_ocr
def test_a_scanned_page_is_read_line_by_line_with_boxes() -> None:
    parsed = parse(_scanned("This page has text of its own."))
    words = " ".join(parsed.text.split())
    assert "This page has text of its own." in words
    assert f"{_LINES[0]} {_LINES[1]}" in words
    assert [page.number for page in parsed.pages] == [1, 2]
    assert "pages_without_text" not in parsed.metadata
    first = next(box for box in parsed.boxes if parsed.text[box.start : box.end] == _LINES[0])
    assert first.page == 2
    assert first.left == pytest.approx(0.1, abs=0.02)
    assert first.top < 0.24 < first.bottom


@needs_ocr
@pytest.mark.slow
def test_a_real_scan_is_read(shared_data: Path) -> None:
    path = shared_data / "dev" / "docs" / "files" / "unstructured__single_table.pdf"
    parsed = parse(path.read_bytes())
    assert "mean chunks per document" in " ".join(parsed.text.split())
    assert parsed.boxes


def test_rows_are_read_from_left_to_right(monkeypatch: pytest.MonkeyPatch) -> None:
    class Result:
        txts = ("right", "below", "left")

        @property
        def boxes(self) -> object:
            import numpy

            corners = [((50, 2), (90, 22)), ((0, 30), (90, 50)), ((0, 0), (40, 20))]
            return numpy.array(
                [[(x, y) for x in (a[0], b[0]) for y in (a[1], b[1])] for a, b in corners], float
            )

    def engine(picture: object, *, text_score: float) -> Result:
        return Result()

    monkeypatch.setattr(ocr, "_engine", lambda: engine)
    assert [line.text for line in ocr.recognize(None)] == ["left", "right", "below"]
