from __future__ import annotations

import io

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.constants import PageLabelStyle
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from ingest.document import BlockKind
from ingest.parsers.pdf import parse
from ingest.parsers.pdf_properties import iso_date

_BODY = "and here the text goes on for a while with words that say nothing much of it"


def _pages(*pages: list[tuple[str, float]], bookmarks: list[tuple[str, int, int]] = []) -> bytes:  # noqa: B006
    """Pages of (text, size) from the top; bookmarks as (title, page index, level from 0)."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    for index, page in enumerate(pages):
        for title, target, level in bookmarks:
            if target == index:
                canvas.bookmarkPage(f"{title}{level}")
                canvas.addOutlineEntry(title, f"{title}{level}", level)
        y = 700.0
        for text, size in page:
            canvas.setFont("Helvetica", size)
            canvas.drawString(72, y, text)
            y -= 1.3 * size
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _headings(content: bytes) -> list[tuple[str, ...]]:
    return [block.heading_path for block in parse(content).blocks if block.kind is BlockKind.HEADING]


def test_bookmarks_make_headings_where_the_type_tells_none() -> None:
    first = [("1 Setting up", 11.0), (_BODY, 11.0), ("1.1 What is needed", 11.0), (_BODY, 11.0)]
    second = [("2 Taking down", 11.0), (_BODY, 11.0)]
    bookmarks = [("1 Setting up", 0, 0), ("What is needed", 0, 1), ("2 Taking down", 1, 0)]
    assert _headings(_pages(first, second, bookmarks=bookmarks)) == [
        ("1 Setting up",),
        ("1 Setting up", "1.1 What is needed"),
        ("2 Taking down",),
    ]


def test_bookmarks_set_the_levels_below_the_title() -> None:
    page = [
        ("The Handbook", 24.0),
        ("Setting up", 14.0),
        (_BODY, 11.0),
        ("What is needed", 14.0),
        (_BODY, 11.0),
    ]
    bookmarks = [("Setting up", 0, 0), ("What is needed", 0, 1)]
    assert _headings(_pages(page, bookmarks=bookmarks)) == [
        ("The Handbook",),
        ("The Handbook", "Setting up"),
        ("The Handbook", "Setting up", "What is needed"),
    ]


def test_bookmarks_that_match_no_line_change_nothing() -> None:
    page = [("Setting up", 16.0), (_BODY, 11.0)]
    assert _headings(_pages(page, bookmarks=[("Elsewhere", 0, 0)])) == [("Setting up",)]


def test_pages_carry_the_labels_that_the_file_gives_them() -> None:
    page = [(f"A page, {_BODY}", 11.0)]
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(_pages(page, page, page))))
    writer.set_page_label(0, 1, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(2, 2, style=PageLabelStyle.DECIMAL, prefix="A-")
    buffer = io.BytesIO()
    writer.write(buffer)
    assert [(page.number, page.label) for page in parse(buffer.getvalue()).pages] == [
        (1, "i"),
        (2, "ii"),
        (3, "A-1"),
    ]
    assert [page.label for page in parse(_pages(page)).pages] == [""]


def test_stated_properties_become_metadata() -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(_pages([(_BODY, 11.0)]))))
    writer.add_metadata(
        {
            "/Author": "Ada L.",
            "/Subject": "(unspecified)",
            "/Keywords": "looms, 织机",
            "/CreationDate": "D:20240131120000+01'00'",
            "/ModDate": "yesterday",
        }
    )
    buffer = io.BytesIO()
    writer.write(buffer)
    assert parse(buffer.getvalue()).metadata == {
        "author": "Ada L.",
        "keywords": "looms, 织机",
        "created": "2024-01-31T12:00:00+01:00",
    }


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("D:20240131120000-05'30'", "2024-01-31T12:00:00-05:30"),
        ("D:20240131120000Z", "2024-01-31T12:00:00+00:00"),
        ("D:20240131120000Z00'00'", "2024-01-31T12:00:00+00:00"),
        ("20240131120000", "2024-01-31T12:00:00"),
        ("D:202401", "2024-01"),
        ("D:2024", "2024"),
        ("D:20241341", None),
        ("D:20240131120000+99'99'", None),
        ("", None),
        ("last week", None),
    ],
)
def test_dates_are_as_exact_as_the_file_states_them(text: str, iso: str | None) -> None:
    assert iso_date(text) == iso
