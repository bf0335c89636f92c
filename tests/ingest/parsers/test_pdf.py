from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer

from ingest.document import BlockKind
from ingest.errors import EncryptedFileError, NoTextError
from ingest.parsers import pdf
from ingest.parsers.pdf import parse
from ingest.parsers.pdf_join import LineJoiner
from ingest.parsers.pdf_lines import Line, PdfContent
from ingest.parsers.pdf_readable import readable
from ingest.parsers.pdfium import PdfiumFailure
from ingest.parsers.pypdf_lines import read_pdf_with_pypdf
from ingest.parsers.text_builder import ParsedFile

_ENGLISH = (
    "A snapshot is an immutable directory that holds the derived indexes and a manifest. The manifest is "
    "written last, and a reader keeps the snapshot that it opened until its request ends, even when a newer "
    "one has been published in the meantime by another process on the same machine."
)
_CHINESE = (
    "快照是不可变的目录，里面有派生的索引和一份清单。清单总是最后写入，读者在请求结束之前一直使用它打开的那个快照。"
    * 3
)


def _blocks(parsed: ParsedFile) -> list[tuple[BlockKind, str]]:
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def _built(story: Sequence[Flowable], footer: Callable[[Canvas, object], None] | None = None) -> bytes:
    buffer = io.BytesIO()
    document = SimpleDocTemplate(buffer, pagesize=A4, title="Stated title")
    if footer is None:
        document.build(list(story))
    else:
        document.build(list(story), onFirstPage=footer, onLaterPages=footer)
    return buffer.getvalue()


def _drawn(lines: Sequence[tuple[float, float, float, str]], title: str = "") -> bytes:
    """A page with each (x, y, size, text) drawn in points from the lower left."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setTitle(title)
    for x, y, size, text in lines:
        canvas.setFont("Helvetica", size)
        canvas.drawString(x, y, text)
    canvas.save()
    return buffer.getvalue()


def test_headings_and_paragraphs_are_told_by_their_type() -> None:
    styles = getSampleStyleSheet()
    story = [
        Paragraph("Operations", ParagraphStyle("t", styles["Title"], fontSize=24, leading=30)),
        Paragraph("Snapshots", styles["Heading1"]),
        Paragraph(_ENGLISH, styles["BodyText"]),
        Paragraph("Rolling back", styles["Heading2"]),
        Paragraph(_ENGLISH, ParagraphStyle("j", styles["BodyText"], alignment=TA_JUSTIFY)),
        Paragraph(_ENGLISH, styles["BodyText"]),
    ]
    parsed = parse(_built(story))
    assert _blocks(parsed) == [
        (BlockKind.HEADING, "Operations"),
        (BlockKind.HEADING, "Snapshots"),
        (BlockKind.PARAGRAPH, _ENGLISH),
        (BlockKind.HEADING, "Rolling back"),
        (BlockKind.PARAGRAPH, _ENGLISH),
        (BlockKind.PARAGRAPH, _ENGLISH),
    ]
    assert parsed.blocks[-1].heading_path == ("Operations", "Snapshots", "Rolling back")
    assert parsed.title == "Stated title"


def test_chinese_lines_join_without_a_space() -> None:
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    style = ParagraphStyle("zh", fontName="STSong-Light", fontSize=11, leading=18, wordWrap="CJK")
    heading = ParagraphStyle("zh-heading", style, fontSize=18, leading=26)
    parsed = parse(_built([Paragraph("快照", heading), Paragraph(_CHINESE, style)]))
    assert _blocks(parsed) == [(BlockKind.HEADING, "快照"), (BlockKind.PARAGRAPH, _CHINESE)]


def test_pages_cover_the_text_and_running_lines_are_dropped() -> None:
    style = getSampleStyleSheet()["BodyText"]
    topics = ("Parsing", "Chunking", "Embedding", "Indexing")
    story: list[Flowable] = []
    for page in range(4):
        story += [Paragraph(f"{topics[page]} comes first. {_ENGLISH}", style), Spacer(1, 20), PageBreak()]

    def edges(canvas: Canvas, document: object) -> None:
        canvas.drawString(72, 800, "Troika handbook")
        canvas.drawString(290, 30, f"Page {canvas.getPageNumber()} of 4")

    parsed = parse(_built(story, edges))
    assert "handbook" not in parsed.text
    assert "of 4" not in parsed.text
    assert [page.number for page in parsed.pages] == [1, 2, 3, 4]
    assert parsed.pages[0].start == 0
    assert parsed.pages[-1].end == len(parsed.text)
    for page, following in zip(parsed.pages, parsed.pages[1:], strict=False):
        assert page.end == following.start
    second = parsed.pages[1]
    assert parsed.text[second.start : second.end].startswith("Chunking comes first.")


def test_a_paragraph_goes_on_over_a_page_break() -> None:
    style = ParagraphStyle("big", fontSize=24, leading=30)
    text = " ".join(f"word{n} follows another one" for n in range(120)) + "."
    parsed = parse(_built([Paragraph(text, style)]))
    assert len(parsed.pages) > 1
    assert _blocks(parsed) == [(BlockKind.PARAGRAPH, text)]
    assert parsed.pages[1].start < parsed.blocks[0].end


def test_bullets_become_one_list_with_an_item_a_line() -> None:
    parsed = parse(
        _drawn(
            [
                (72, 700, 11, "What matters when a collection is copied to another machine over night:"),
                (
                    80,
                    685,
                    11,
                    "\u2022 the manifest, which names every file with its checksum and its size, and",
                ),
                (92, 670, 11, "goes on here"),
                (80, 655, 11, "\u2022 the pointer"),
            ]
        )
    )
    assert _blocks(parsed)[-1] == (
        BlockKind.LIST,
        "\u2022 the manifest, which names every file with its checksum and its size, and goes on here\n"
        "\u2022 the pointer",
    )


def test_bold_lines_of_the_body_s_size_are_headings() -> None:
    styles = getSampleStyleSheet()
    bold = ParagraphStyle("b", styles["BodyText"], fontName="Helvetica-Bold", spaceBefore=0, spaceAfter=0)
    body = ParagraphStyle("c", styles["BodyText"], spaceBefore=0, spaceAfter=0)
    story = [Paragraph("Boots Nut", bold), Paragraph(_ENGLISH, body)]
    story += [Paragraph("Flexloc Nut", bold), Paragraph(_ENGLISH, body)]
    parsed = parse(_built(story))
    assert [kind for kind, _ in _blocks(parsed)] == [BlockKind.HEADING, BlockKind.PARAGRAPH] * 2
    assert parsed.blocks[-1].heading_path == ("Flexloc Nut",)


def test_rows_of_a_table_stay_on_lines_of_their_own() -> None:
    rows = [(72, 700 - 14 * n, 11, f"/path/{n} purpose {n}") for n in range(4)]
    wide = (72, 720, 11, "The following paths are served, and each of them is described in the manual below:")
    assert "/path/0 purpose 0\n/path/1 purpose 1" in parse(_drawn([wide, *rows])).text


def test_a_program_made_title_is_not_used() -> None:
    content = _drawn(
        [(72, 700, 20, "Real heading"), (72, 660, 11, _ENGLISH[:80])], "Microsoft Word - draft.doc"
    )
    assert parse(content).title == "Real heading"


def test_encrypted_files_are_refused_and_an_empty_password_is_no_lock() -> None:
    for password, locked in (("secret", True), ("", False)):
        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(_drawn([(72, 700, 11, "some text")]))))
        writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
        buffer = io.BytesIO()
        writer.write(buffer)
        if locked:
            with pytest.raises(EncryptedFileError):
                parse(buffer.getvalue())
        else:
            assert parse(buffer.getvalue()).text == "some text"


def test_a_lock_on_one_file_is_not_laid_to_the_next() -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(_drawn([(72, 700, 11, "some text")]))))
    writer.encrypt(user_password="secret", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    with pytest.raises(EncryptedFileError):
        parse(buffer.getvalue())
    with pytest.raises(NoTextError):
        parse(_drawn([]))  # a file without a single page


def test_a_file_without_text_says_so() -> None:
    with pytest.raises(NoTextError, match="holds text, of 1 in all"):
        parse(_drawn([(72, 700, 11, " ")]))


def test_pypdf_reads_the_same_text_as_fallback() -> None:
    read = read_pdf_with_pypdf(_drawn([(72, 700, 11, "one line"), (72, 680, 11, "another")]))
    assert [line.text for page in read.pages for line in page.lines] == ["one line", "another"]


def test_what_pdfium_finds_nothing_in_is_tried_with_pypdf(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(content: bytes) -> PdfContent:
        raise PdfiumFailure("not today")

    monkeypatch.setattr(pdf, "read_pdf", refuse)
    parsed = parse(_drawn([(72, 700, 11, "one line"), (72, 680, 11, "another")]))
    assert parsed.text.split() == ["one", "line", "another"]
    assert parsed.boxes == ()  # pypdf knows no places


def test_threads_may_parse_at_the_same_time() -> None:
    contents = [
        _built([Paragraph(f"Number {n}. {_ENGLISH}", getSampleStyleSheet()["BodyText"])]) for n in range(8)
    ]
    with ThreadPoolExecutor(4) as pool:
        texts = [parsed.text for parsed in pool.map(parse, contents)]
    assert texts == [f"Number {n}. {_ENGLISH}" for n in range(8)]


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        ([("the docu", True), ("ment", False)], "the document"),
        ([("an open", True), ("source tool with open ends and a source", False)],
         "an open-source tool with open ends and a source"),
        ([("state-of-the", True), ("art", False)], "state-of-the-art"),
        ([("GPT", True), ("2 follows", False)], "GPT-2 follows"),
        ([("5 -", False), ("6", False)], "5 - 6"),
        ([("检索", False), ("增强", False)], "检索增强"),
        ([("⼀⽂ ﬁne", False)], "一文 fine"),
        ([("Preface . . . . . . . . 7", False)], "Preface … 7"),
    ],
)  # fmt: skip
def test_lines_join_as_their_script_wants(lines: list[tuple[str, bool]], joined: str) -> None:
    made = [Line(readable(text), 10, 0, 100, 0, 10, 0, hyphenated) for text, hyphenated in lines]
    page_text = "".join(f"{text}\ufffe" if hyphenated else f"{text}\r\n" for text, hyphenated in lines)
    pieces = LineJoiner([page_text]).join([(1, line, False) for line in made])
    assert [(piece.page, piece.text) for piece in pieces] == [(1, joined)]
    for placed, line in zip(pieces[0].lines, made, strict=True):
        assert joined[placed.start : placed.end] in (line.text, f"{line.text}-")
