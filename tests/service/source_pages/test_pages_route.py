from __future__ import annotations

import hashlib
import os
import zipfile
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path

import pytest

from ingest.errors import PageNotDrawnError
from service.access.caller import Caller, Scope
from service.source_pages import drawing
from service.source_pages.drawing import draw_apart
from service.source_pages.messages import DrawTask
from tests.service.source_pages.conftest import Shelf
from tests.service.source_pages.pictures import pdf_of, read_png

pytestmark = pytest.mark.anyio

TWO_PAGES = pdf_of(
    {"Badges are renewed yearly": (60, 700)}, {"The porter": (60, 400), "knows why": (60, 370)}
)


async def test_a_page_is_drawn_and_its_boxes_stand_where_its_words_do(shelf: Shelf) -> None:
    shelf.file("rules.pdf", TWO_PAGES)
    shelf.publish()
    document = shelf.held[0][0]
    start = document.text.index("porter")
    end = document.text.index("knows") + len("knows")
    found = await shelf.get(f"/v1/documents/{document.id}/boxes?start={start}&end={end}")
    boxes = found.json()["boxes"]
    assert [(box["page"], document.text[box["start"] : box["end"]].strip()) for box in boxes] == [
        (2, "The porter"),
        (2, "knows why"),
    ]
    response = await shelf.page(2, query="?width=600")
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png"), response.text
    assert response.headers["link"] == '<2>; rel="last"'
    picture = read_png(response.content)
    assert (picture.width, picture.height) == (600, 800)
    inked = [picture.ink(box["left"], box["top"], box["right"], box["bottom"]) for box in boxes]
    assert min(inked) > 100
    assert sum(inked) >= 0.97 * picture.ink(0, 0, 1, 1)


async def test_a_browser_that_has_the_page_is_not_sent_it_again(shelf: Shelf) -> None:
    shelf.file("rules.pdf", TWO_PAGES)
    shelf.publish()
    first = await shelf.page(1, query="?width=100")
    path = first.url.raw_path.decode()
    again = await shelf.get(path, {"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = await shelf.get(path.replace("=100", "=120"), {"if-none-match": first.headers["etag"]})
    assert other.status_code == 200
    assert "private" in first.headers["cache-control"]


async def test_members_of_archives_attachments_and_uploads_are_drawn(shelf: Shelf) -> None:
    message = EmailMessage()
    message["Subject"] = "Badges"
    message.set_content("See the file.")
    message.add_attachment(TWO_PAGES, maintype="application", subtype="pdf", filename="a b.pdf")
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("notes.txt", "a note")
        archive.writestr("sub/规则.pdf", TWO_PAGES)
        archive.writestr("post.eml", message.as_bytes())
    shelf.file("all.zip", packed.getvalue())
    shelf.upload(1, "规 则.pdf", TWO_PAGES)
    shelf.publish()
    drawn = [document.uri.rpartition("/")[2] for document, _ in shelf.held if ".pdf" in document.uri]
    assert len(drawn) == 3
    for index, (document, _) in enumerate(shelf.held):
        response = await shelf.page(1, document=index, query="?width=100")
        assert response.status_code == (200 if ".pdf" in document.uri else 415), (document.uri, response.text)


async def test_of_an_upload_the_version_is_drawn_that_was_read(shelf: Shelf) -> None:
    shelf.upload(1, "rules.pdf", TWO_PAGES)
    newer = shelf.upload(2, "rules.pdf", pdf_of({"Another text": (60, 700)}))
    del shelf.held[1]
    shelf.publish()
    assert (await shelf.page()).status_code == 200
    assert newer.path.is_file()


def _changed(path: Path) -> None:
    path.write_bytes(pdf_of({"Changed": (60, 700)}))


def _led_elsewhere(path: Path) -> None:
    secret = path.with_name("secret.pdf")
    _changed(secret)
    path.unlink()
    path.symlink_to(secret)


def _made_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("happen", [Path.unlink, _changed, _led_elsewhere, _made_a_pipe, _made_a_folder])
async def test_nothing_is_drawn_but_what_was_parsed(shelf: Shelf, happen: object) -> None:
    path = shelf.file("rules.pdf", TWO_PAGES)
    shelf.publish()
    assert callable(happen)
    happen(path)
    response = await shelf.page()
    assert (response.status_code, response.json()["code"]) == (409, "source_unavailable")
    assert "ingest it again" in response.json()["detail"]


async def test_what_was_fetched_from_elsewhere_is_not_fetched_again(shelf: Shelf) -> None:
    shelf.hold("https://intranet/rules.pdf", "rules.pdf", TWO_PAGES)
    shelf.publish()
    assert (await shelf.page()).json()["code"] == "source_unavailable"


@pytest.mark.parametrize(
    "identity", ["0" * 32, "..%2F..%2Fetc%2Fpasswd", "%00", "file:%2F%2F%2Fetc%2Fpasswd"]
)
async def test_a_crafted_id_leads_nowhere(shelf: Shelf, identity: str) -> None:
    shelf.file("rules.pdf", TWO_PAGES)
    shelf.publish()
    for path in ("pages/1", "boxes?start=0&end=9"):
        response = await shelf.get(f"/v1/documents/{identity}/{path}")
        assert response.status_code == 404, response.text


async def test_pages_and_sizes_that_there_are_not_are_refused(shelf: Shelf) -> None:
    shelf.file("rules.pdf", TWO_PAGES)
    shelf.publish()
    missing = await shelf.page(3)
    assert (missing.status_code, missing.json()["code"]) == (404, "page_not_found")
    assert "the document has 2" in missing.json()["detail"]
    for number, query in ((0, ""), (1, "?width=99"), (1, "?width=3001"), (1, "?width=x")):
        assert (await shelf.page(number, query=query)).status_code == 422


async def test_only_who_may_see_a_document_sees_its_pages(shelf: Shelf) -> None:
    shelf.file("staff.pdf", TWO_PAGES, "hr")
    shelf.publish()
    boxes = f"/v1/documents/{shelf.held[0][0].id}/boxes?start=0&end=9"
    for groups, status in ((frozenset({"hr"}), 200), (frozenset({"it"}), 404), (frozenset[str](), 404)):
        shelf.caller = Caller("key", frozenset({Scope.QUERY}), groups)
        assert ((await shelf.page()).status_code, (await shelf.get(boxes)).status_code) == (status, status)
    shelf.caller = Caller("key", frozenset({Scope.INGEST}), frozenset({"hr"}))
    assert ((await shelf.page()).status_code, (await shelf.get(boxes)).status_code) == (403, 403)
    shelf.caller = Caller("key", frozenset({Scope.QUERY}), frozenset({"hr"}))
    assert (await shelf.page(query="?collection=other")).status_code == 404


async def test_a_page_of_absurd_shape_has_no_more_dots_than_others(shelf: Shelf) -> None:
    shelf.file("tall.pdf", pdf_of({"Tall": (2, 7000)}, size=(40, 14_000)))
    shelf.publish()
    response = await shelf.page(query="?width=3000")
    picture = read_png(response.content)
    assert picture.width * picture.height <= 12_100_000


def _task(path: Path, seconds: float = 10.0, memory_bytes: int = 500_000_000, sha256: str = "") -> DrawTask:
    return DrawTask(
        path.as_uri(), (bytes(path),), path.name, "", sha256, 1, 500, seconds, 10_000_000, memory_bytes
    )


@pytest.mark.parametrize(("seconds", "memory_bytes"), [(0.001, 500_000_000), (10.0, 8_000_000)])
async def test_a_page_may_take_only_so_much(tmp_path: Path, seconds: float, memory_bytes: int) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(TWO_PAGES)
    sha256 = hashlib.sha256(TWO_PAGES).hexdigest()
    with pytest.raises(PageNotDrawnError):
        await draw_apart(_task(path, seconds, memory_bytes, sha256))


_DOES_NOT_END = "import sys, time\nsys.stdin.buffer.read()\ntime.sleep(60)\n"
_TALKS_NONSENSE = "import sys\nsys.stdout.buffer.write(b'\\x93nonsense')\n"
_NEVER_STOPS_TALKING = "import sys\nwhile True: sys.stdout.buffer.write(b'x' * 1000000)\n"
_DIES = "import os\nos.abort()\n"


@pytest.mark.parametrize("program", [_DOES_NOT_END, _TALKS_NONSENSE, _NEVER_STOPS_TALKING, _DIES])
async def test_a_process_that_was_taken_over_costs_its_request_alone(
    tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "_LAUNCHER", program)
    monkeypatch.setattr(drawing, "_GRACE_SECONDS", 0.1)
    with pytest.raises(PageNotDrawnError, match=r"within 0\.5 s and 500 MB"):
        await draw_apart(_task(tmp_path / "a.pdf", seconds=0.5))
