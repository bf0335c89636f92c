"""Build the PDF and DOCX files of the sample handbook from their Markdown sources.

    pip install reportlab python-docx
    python examples/build_handbook.py

``sources/NAME.pdf.md`` becomes ``handbook/NAME.pdf`` and ``sources/NAME.docx.md`` becomes
``handbook/NAME.docx``. Names that begin with ``zh-`` are Chinese. The output depends only on
the sources, the fonts and the versions of the two libraries, so a second run changes nothing.
The PDFs embed the glyphs they use. The Chinese font has to hold TrueType outlines; the default
is LXGW WenKai (Debian package ``fonts-lxgw-wenkai``, SIL Open Font License).
"""

from __future__ import annotations

import argparse
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Literal

import docx
from docx.document import Document as WordDocument
from reportlab.lib import colors, textsplit
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, Preformatted, SimpleDocTemplate, Spacer, Table

HERE = Path(__file__).resolve().parent
LATIN_FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf")
CJK_FONT = Path("/usr/share/fonts/truetype/lxgw-wenkai/LXGWWenKai-Regular.ttf")
AUTHOR = "The Troika authors"
EPOCH = datetime(2026, 1, 1)

BODY_WIDTH = A4[0] - 50 * mm
HEADING_SIZES = (20.0, 14.5, 12.0)
INK = colors.HexColor("#1f3a5f")
GRID = [
    ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
    ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e6ecf2")),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
]

Kind = Literal["heading", "paragraph", "bullet", "number", "code", "table"]


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a source file: ``text`` for prose and code, ``rows`` for a table."""

    kind: Kind
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def read_blocks(source: str) -> Iterator[Block]:
    """Yield the blocks of the small Markdown subset that the sources keep to.

    Paragraphs and list items stand on one line each; a numbered item keeps its number.
    """
    lines = iter(source.splitlines())
    table: list[tuple[str, ...]] = []
    for line in lines:
        if table and not line.startswith("|"):
            yield Block("table", rows=tuple(table))
            table = []
        if line.startswith("|"):
            cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
            if not all(set(cell) <= {"-", ":"} for cell in cells):
                table.append(cells)
        elif line.startswith("```"):
            yield Block("code", "\n".join(iter(lambda: next(lines), "```")))
        elif match := re.match(r"(#{1,3}) (.+)", line):
            yield Block("heading", match[2], level=len(match[1]))
        elif match := re.match(r"- (.+)", line):
            yield Block("bullet", match[1])
        elif match := re.match(r"(\d+)\. (.+)", line):
            yield Block("number", match[2], level=int(match[1]))
        elif line.strip():
            yield Block("paragraph", line)
    if table:
        yield Block("table", rows=tuple(table))


def code_parts(text: str) -> list[tuple[str, bool]]:
    """Split prose at backticks into ``(text, is_code)`` parts."""
    return [(part, i % 2 == 1) for i, part in enumerate(text.split("`")) if part]


def markup(text: str) -> str:
    """Prose as the XML-like markup of a reportlab paragraph."""
    return "".join(
        f'<font face="Courier">{escape(part)}</font>' if is_code else escape(part)
        for part, is_code in code_parts(text)
    )


def pdf_styles(font: str, *, chinese: bool) -> dict[str, ParagraphStyle]:
    """Make the paragraph styles of one PDF, all but code in one embedded font."""
    size, wrap = (11.5, "CJK") if chinese else (10.5, None)
    body = ParagraphStyle(
        "body", fontName=font, fontSize=size, leading=size * 1.6, spaceAfter=7, wordWrap=wrap
    )
    code_font = font if chinese else "Courier"
    styles = {
        "body": body,
        "item": ParagraphStyle("item", body, leftIndent=16, bulletIndent=2, spaceAfter=4),
        "cell": ParagraphStyle("cell", body, fontSize=9, leading=12.5, spaceAfter=0),
        "code": ParagraphStyle("code", body, fontName=code_font, fontSize=9, leftIndent=12),
    }
    heading = ParagraphStyle("heading", body, spaceBefore=12, textColor=INK, keepWithNext=True)
    for level, size in enumerate(HEADING_SIZES, start=1):
        name = f"h{level}"
        styles[name] = ParagraphStyle(name, heading, fontSize=size, leading=size * 1.3)
    return styles


def pdf_flowables(block: Block, styles: dict[str, ParagraphStyle]) -> Iterator[Flowable]:
    """Lay one block out for reportlab."""
    match block.kind:
        case "heading":
            yield Paragraph(markup(block.text), styles[f"h{block.level}"])
        case "paragraph":
            yield Paragraph(markup(block.text), styles["body"])
        case "bullet":
            yield Paragraph(markup(block.text), styles["item"], bulletText="\u2022")
        case "number":
            yield Paragraph(markup(block.text), styles["item"], bulletText=f"{block.level}.")
        case "code":
            yield Preformatted(block.text, styles["code"])
        case "table":
            cells = [[Paragraph(markup(cell), styles["cell"]) for cell in row] for row in block.rows]
            grid = Table(cells, colWidths=[BODY_WIDTH / len(block.rows[0])] * len(block.rows[0]))
            grid.setStyle(GRID)
            yield grid
            yield Spacer(1, 10)


def write_pdf(blocks: list[Block], target: Path, font: Path, *, chinese: bool) -> None:
    """Write one PDF with a text layer, numbered pages and its font embedded as a subset."""
    name = font.stem
    pdfmetrics.registerFont(TTFont(name, font))  # pyright: ignore
    styles = pdf_styles(name, chinese=chinese)

    def number_page(canvas: Canvas, _: SimpleDocTemplate) -> None:
        canvas.setFont(name, 8.5)
        page = canvas.getPageNumber()
        canvas.drawCentredString(A4[0] / 2, 12 * mm, f"第 {page} 页" if chinese else f"Page {page}")

    template = SimpleDocTemplate(
        str(target),
        pagesize=A4,
        leftMargin=25 * mm,
        rightMargin=25 * mm,
        topMargin=22 * mm,
        bottomMargin=22 * mm,
        title=blocks[0].text,
        author=AUTHOR,
        lang="zh-CN" if chinese else "en",
        invariant=1,
    )
    story = [flowable for block in blocks for flowable in pdf_flowables(block, styles)]
    template.build(story, onFirstPage=number_page, onLaterPages=number_page)


def add_to_word(document: WordDocument, block: Block) -> None:
    """Append one block to a Word document, in the template's own styles."""
    match block.kind:
        case "heading":
            document.add_heading(block.text, level=block.level)
        case "code":
            document.add_paragraph(block.text, style="No Spacing").runs[0].font.name = "Courier New"
        case "table":
            grid = document.add_table(len(block.rows), len(block.rows[0]), style="Table Grid")
            for cells, values in zip(grid.rows, block.rows, strict=True):
                for cell, value in zip(cells.cells, values, strict=True):
                    cell.text = value
        case "paragraph" | "bullet" | "number":
            style = {"bullet": "List Bullet", "number": "List Number"}.get(block.kind, "Normal")
            target = document.add_paragraph(style=style)
            for part, is_code in code_parts(block.text):
                run = target.add_run(part)
                if is_code:
                    run.font.name = "Courier New"


def write_docx(blocks: list[Block], target: Path, *, chinese: bool) -> None:
    """Write one DOCX with real heading, list and table styles and fixed properties."""
    document = docx.Document()
    for block in blocks:
        add_to_word(document, block)
    properties = document.core_properties
    properties.title, properties.author, properties.comments = blocks[0].text, AUTHOR, ""
    properties.language = "zh-CN" if chinese else "en"
    properties.created = properties.modified = EPOCH
    buffer = BytesIO()
    document.save(buffer)
    target.write_bytes(without_clock(buffer))


def without_clock(archive: BytesIO) -> bytes:
    """Stamp every member of a zip archive with one fixed date."""
    result = BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            member = zipfile.ZipInfo(name, EPOCH.timetuple()[:6])
            new.writestr(member, old.read(name), zipfile.ZIP_DEFLATED)
    return result.getvalue()


def main() -> None:
    """Build every source into the handbook."""
    parser = argparse.ArgumentParser(description="Build the handbook's PDF and DOCX files.")
    parser.add_argument("--cjk-font", type=Path, default=CJK_FONT, help="TrueType font, Chinese")
    parser.add_argument("--latin-font", type=Path, default=LATIN_FONT, help="TrueType font, Latin")
    args = parser.parse_args()
    # Reportlab keeps Japanese punctuation from starting a line; Chinese needs these marks too.
    textsplit.ALL_CANNOT_START += "，；：？！”’"  # pyright: ignore
    for source in sorted((HERE / "sources").glob("*.*.md")):
        target: Path = HERE / "handbook" / source.stem
        chinese = source.name.startswith("zh-")
        blocks = list(read_blocks(source.read_text(encoding="utf-8")))
        if target.suffix == ".pdf":
            font = args.cjk_font if chinese else args.latin_font
            write_pdf(blocks, target, font, chinese=chinese)
        else:
            write_docx(blocks, target, chinese=chinese)
        print(f"{target.name}: {target.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
