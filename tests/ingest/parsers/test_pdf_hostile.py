from __future__ import annotations

import io
import time
import zlib
from collections.abc import Sequence

import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest.errors import BrokenFileError, ParseError, UnsafeFileError
from ingest.parsers import pdf_bombs
from ingest.parsers.pdf import parse

_TEXT = b"BT /F 12 Tf 72 700 Td (hello out there) Tj ET\n"
_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
_PACKED = b"/Filter/FlateDecode"
_MEGABYTE = 1 << 20


def _pdf(objects: Sequence[bytes], trailer: bytes = b"/Root 1 0 R") -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    offsets: list[int] = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer <</Size %d %s>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, trailer, table)
    return bytes(out)


def _stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d %s>>\nstream\n%s\nendstream" % (len(data), entries, data)


def _document(contents: bytes, kids: bytes = b"3 0 R", count: int = 1) -> bytes:
    pages = b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count)
    return _pdf([_CATALOG, pages, _PAGE, contents, _FONT])


def _deflated(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    block = b" " * _MEGABYTE
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bombs of a tenth of the size, which are made in a tenth of the time."""
    monkeypatch.setattr(pdf_bombs, "_MAX_UNPACKED", 20 * _MEGABYTE)


@pytest.mark.usefixtures("small_limit")
def test_a_stream_that_unpacks_beyond_measure_is_refused() -> None:
    with pytest.raises(UnsafeFileError, match="unpacks to more than"):
        parse(_document(_stream(_deflated(30), _PACKED)))


@pytest.mark.usefixtures("small_limit")
def test_deflate_within_deflate_is_looked_into() -> None:
    twice = zlib.compress(_deflated(30), 9)
    assert len(twice) < 10_000
    with pytest.raises(UnsafeFileError):
        parse(_document(_stream(twice, b"/Filter[/FlateDecode/FlateDecode]")))
    small = zlib.compress(zlib.compress(_TEXT))
    assert parse(_document(_stream(small, b"/Filter[/FlateDecode/FlateDecode]"))).text == "hello out there"


def test_a_deep_stack_of_filters_is_refused() -> None:
    with pytest.raises(UnsafeFileError, match="times over"):
        parse(_document(_stream(b"x", b"/Filter[" + b"/FlateDecode" * 9 + b"]")))


def test_large_streams_that_are_what_they_say_are_read() -> None:
    noise = zlib.compress(_TEXT + b"% " + bytes(range(97, 123)) * 20_000)
    assert parse(_document(_stream(noise, _PACKED))).text == "hello out there"


@pytest.mark.parametrize(
    "content",
    [
        _document(_stream(_TEXT), b"3 0 R 2 0 R", 2),  # a tree that holds itself
        _document(_stream(_TEXT), count=2_000_000_000),
        _document(_stream(_TEXT)).replace(b"trailer <</Size 6", b"trailer <</Size 6 /Prev 9"),
        _pdf(
            [
                b"<</Type/Catalog/Pages 2 0 R/Outlines 6 0 R>>",
                b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
                _PAGE,
                _stream(_TEXT),
                _FONT,
                b"<</First 7 0 R/Last 7 0 R>>",
                b"<</Title(a)/Parent 6 0 R/Next 7 0 R/First 7 0 R/Dest[3 0 R/Fit]>>",
            ]
        ),
        _document(_stream(_TEXT)).replace(b"600 800", b"6000000 8000000"),
        _document(_stream(_TEXT)).replace(b"600 800", b"0 0"),
    ],
    ids=["page tree loop", "page count", "xref loop", "outline loop", "huge page", "empty page"],
)
def test_loops_and_absurd_numbers_do_no_harm(content: bytes) -> None:
    assert parse(content).text == "hello out there"


def test_a_deep_page_tree_is_refused_or_read_soon() -> None:
    depth = 2_000
    nodes = [b"<</Type/Pages/Kids[%d 0 R]/Count 1/Parent %d 0 R>>" % (n + 1, n - 1) for n in range(2, depth)]
    with pytest.raises(ParseError):
        parse(_pdf([_CATALOG, *nodes, b"<</Type/Page/MediaBox[0 0 600 800]>>"]))


def test_cut_files_are_read_in_part_or_refused() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for number in range(20):
        canvas.drawString(72, 700, f"This is what stands on page {number} of the file.")
        canvas.showPage()
    canvas.save()
    content = buffer.getvalue()
    for share in range(1, 10):
        try:
            assert "stands on page" in parse(content[: len(content) * share // 10]).text
        except ParseError as error:
            assert "\n" not in str(error)


def test_what_only_begins_like_a_pdf_is_refused() -> None:
    with pytest.raises(BrokenFileError):
        parse(b"%PDF-1.7\n" + b"nothing of the kind\n" * 50)


def test_ten_thousand_pages_are_read_in_seconds() -> None:
    start = time.process_time()
    parsed = parse(_document(_stream(_TEXT), b"3 0 R " * 10_000, 10_000))
    assert len(parsed.pages) == 10_000
    assert time.process_time() - start < 30
