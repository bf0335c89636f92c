from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Literal

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from ingest.parsers.pdf import parse

_LEFT = (
    "The manifest of a snapshot names every file with its checksum and its size, and it is always "
    "written last. A reader that has opened it keeps it until the request ends, even when a newer one "
    "has been published by another process in the meantime. What is damaged can be rebuilt from the "
    "truth, which is a database that holds documents, chunks and spans, and from which all other files "
    "are derived whenever it is asked for. "
)
_RIGHT = (
    "Whoever adds a parser makes sure that offsets are exact, since a citation is drawn on the page "
    "where its words stand, and nobody trusts a mark that lies beside them. Running heads are left out, "
    "and hyphens that a line break brought in are taken out again, unless the word has one of its own "
    "as many compounds do. Columns are read one after the other, from the upper end of the first to the "
    "lower end of the last one. "
)
_SIZE, _LEADING = 10, 13
_WIDTH = 210.0


def _rows(text: str) -> list[str]:
    rows, row = [], ""
    for word in text.split():
        if stringWidth(f"{row} {word}", "Helvetica", _SIZE) > _WIDTH:
            rows.append(row)
            row = word
        else:
            row = f"{row} {word}".strip()
    return [*rows, row]


def _two_columns(
    order: Literal["columns", "rows", "right first"], shift: float = 0.0, head: str = ""
) -> bytes:
    """Two columns of prose, written to the file in some order; the right one ``shift`` points lower."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setFont("Helvetica", _SIZE)
    left, right = _rows(_LEFT), _rows(_RIGHT)
    drawn = [(60.0, 700.0 - _LEADING * n, row) for n, row in enumerate(left)]
    beside = [(320.0, 700.0 - shift - _LEADING * n, row) for n, row in enumerate(right)]
    if order == "rows":
        drawn = [piece for pair in zip(drawn, beside, strict=False) for piece in pair]
        drawn += [(60.0, 700.0 - _LEADING * n, row) for n, row in enumerate(left)][len(right) :]
        drawn += beside[len(left) :]
    else:
        drawn = drawn + beside if order == "columns" else beside + drawn
    if head:
        canvas.drawString(60, 730, head)
    for x, y, row in drawn:
        canvas.drawString(x, y, row)
    canvas.save()
    return buffer.getvalue()


@pytest.mark.parametrize("order", ["columns", "rows", "right first"])
@pytest.mark.parametrize("shift", [0.0, 6.5])
def test_columns_are_read_one_after_the_other(
    order: Literal["columns", "rows", "right first"], shift: float
) -> None:
    head = "A line that runs across both of the columns of this page from the left edge to the right"
    text = " ".join(parse(_two_columns(order, shift, head)).text.split())
    assert _LEFT.strip() in text
    assert _RIGHT.strip() in text
    assert text.index(head) < text.index(_LEFT[:40]) < text.index(_RIGHT[:40])


def test_boxes_stay_in_their_columns_when_rows_are_cut() -> None:
    parsed = parse(_two_columns("rows"))
    for box in parsed.boxes:
        words = parsed.text[box.start : box.end]
        assert (words in _LEFT) == (box.right < 0.5)
        assert (words in _RIGHT) == (box.left > 0.5)


def test_the_rows_of_a_table_are_not_torn_apart() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setFont("Helvetica", 10)
    for row in range(15):
        canvas.drawString(60, 700 - 14 * row, f"Setting number {row} of the service")
        canvas.drawString(320, 700 - 14 * row, f"{row * 10} seconds")
    canvas.save()
    text = parse(buffer.getvalue()).text
    for row in range(15):
        assert re.search(rf"number {row} of the service\s+{row * 10} seconds", text)


def test_no_sentence_of_a_real_two_column_paper_is_cut_by_the_other_column(shared_data: Path) -> None:
    path = shared_data / "dev" / "docs" / "files" / "sample-files__multicolumn.pdf"
    text = " ".join(parse(path.read_bytes()).text.split())
    for sentence in (
        "Vivamus viverra fermentum felis. Donec nonummy pellentesque ante.",  # from column to column
        "Mauris tempor ligula sed lacus.",
        "Curabitur a leo. Quisque egestas wisi eget nunc.",
        "Vestibulum diam. Aliquam pellentesque, augue quis sagittis posuere",
    ):
        assert sentence in text
