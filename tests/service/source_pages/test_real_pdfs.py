"""Pages of other people's PDFs: turned, cropped, in columns, without their fonts, damaged."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ingest.errors import PageNotDrawnError, PageNotFoundError
from ingest.parse import parse_file
from service.source_pages.drawing import draw_apart
from service.source_pages.messages import DrawTask
from service.source_pages.picture import draw_page
from tests.service.source_pages.pictures import read_png


@pytest.fixture(scope="module")
def files(shared_data: Path) -> Path:
    return shared_data / "dev" / "docs" / "files"


@pytest.mark.parametrize(
    "name",
    [
        "docling__multi_page.pdf",
        "docling__right_to_left_01.pdf",
        "sample-files__multicolumn.pdf",
        "unstructured__rotated-page-90.pdf",
        "中文-未嵌入字体.pdf",
    ],
)
def test_boxes_stand_where_the_words_of_their_page_do(files: Path, name: str) -> None:
    document = parse_file(files / name)
    boxes = [box for box in document.boxes if box.page == document.pages[0].number]
    drawn = draw_page((files / name).read_bytes(), document.pages[0].number, 700)
    picture = read_png(drawn.png)
    assert picture.width == 700
    inked = [box for box in boxes if picture.ink(box.left, box.top, box.right, box.bottom)]
    assert len(inked) >= 0.98 * len(boxes) > 0


@pytest.mark.slow
@pytest.mark.anyio
async def test_whatever_a_file_is_its_page_is_drawn_or_refused(files: Path) -> None:
    for path in sorted(files.glob("*.pdf")):
        content = path.read_bytes()
        if b"%PDF-" not in content[:1024]:
            continue
        sha256 = hashlib.sha256(content).hexdigest()
        task = DrawTask(
            path.as_uri(), (bytes(path),), path.name, "", sha256, 1, 300, 20.0, len(content), 500_000_000
        )
        try:
            picture = read_png((await draw_apart(task)).png)
        except (PageNotDrawnError, PageNotFoundError):
            continue
        assert 0 < picture.width <= 300, path.name
