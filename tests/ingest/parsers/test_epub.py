from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from ingest.document import BlockKind
from ingest.errors import BrokenFileError, EncryptedFileError
from ingest.parsers.epub import parse

_CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
_XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{}</body></html>'


def _book(
    chapters: dict[str, str], extra: dict[str, str] | None = None, items: str = "", toc: str = ""
) -> bytes:
    manifest = "".join(
        f'<item id="{name}" href="text/{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in chapters
    )
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    metadata = "<dc:title>A &amp; B&nbsp;C</dc:title><dc:creator>Ada</dc:creator><dc:creator>Bob</dc:creator>"
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata>{metadata}<dc:language>en</dc:language></metadata><manifest>{manifest}{items}</manifest>"
        f"<spine {toc}>{spine}</spine></package>"
    )
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": _CONTAINER,
        "OEBPS/book.opf": package,
    }
    parts |= {f"OEBPS/text/{name}.xhtml": _XHTML.format(body) for name, body in chapters.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in (parts | (extra or {})).items():
            archive.writestr(name, part)
    return buffer.getvalue()


def test_chapters_are_pages_in_the_order_of_the_spine() -> None:
    book = _book({"two": "<h1>Zwei</h1><p>second<br/>line</p>", "one": "<h2>Eins</h2><p>first</p>"})
    parsed = parse(book)
    assert parsed.text == "Zwei\n\nsecond line\n\nEins\n\nfirst"
    assert [(page.number, page.label) for page in parsed.pages] == [(1, "Zwei"), (2, "Eins")]
    assert parsed.blocks[-1].heading_path == ("Eins",)
    assert parsed.title == "A & B C"
    assert parsed.metadata == {"author": "Ada, Bob", "language": "en"}


@pytest.mark.parametrize("kind", ["ncx", "nav"])
def test_a_chapter_without_heading_is_labelled_by_the_contents(kind: str) -> None:
    ncx = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>Prolog</text>'
        '</navLabel><content src="text/a.xhtml#x"/></navPoint></navMap></ncx>'
    )
    nav = _XHTML.format('<nav><ol><li><a href="text/a.xhtml">Prolog</a></li></ol></nav>')
    item = '<item id="toc" href="toc.x" media-type="application/{}" {}/>'
    items = item.format("x-dtbncx+xml", "") if kind == "ncx" else item.format("xhtml+xml", 'properties="nav"')
    contents = {"OEBPS/toc.x": ncx if kind == "ncx" else nav}
    toc = 'toc="toc"' if kind == "ncx" else ""
    parsed = parse(_book({"a": "<p>Once upon a time</p>"}, contents, items, toc))
    assert parsed.pages[0].label == "Prolog"
    assert parsed.text == "Once upon a time"


def test_notes_tables_and_lists_of_a_chapter_are_read_and_navigation_is_not() -> None:
    body = (
        "<nav><p>contents</p></nav><script>x</script><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td>"
        "</tr></table><aside><p>a note</p></aside><ul><li>item</li></ul>"
        '<p hidden="hidden">no</p><a id="x"/><p>end</p>'
    )
    parsed = parse(_book({"a": body}))
    assert parsed.text == "a | b\n1 | 2\n\na note\n\n- item\n\nend"
    assert parsed.blocks[0].header == (0, 5)
    assert parsed.blocks[0].kind is BlockKind.TABLE


def test_a_missing_chapter_is_passed_over() -> None:
    book = _book({"a": "<p>here</p>"}, items='<item id="b" href="gone.xhtml" media-type="text/html"/>')
    assert parse(book).text == "here"


def _encryption(algorithm: str) -> dict[str, str]:
    data = f'<e:EncryptedData><e:EncryptionMethod Algorithm="{algorithm}"/></e:EncryptedData>'
    space = 'xmlns:e="http://www.w3.org/2001/04/xmlenc#"'
    return {"META-INF/encryption.xml": f"<encryption {space}>{data}</encryption>"}


def test_a_book_that_hides_only_its_fonts_is_read() -> None:
    extra = _encryption("http://www.idpf.org/2008/embedding")
    assert parse(_book({"a": "<p>text</p>"}, extra)).text == "text"


def test_a_book_under_rights_management_is_refused() -> None:
    with pytest.raises(EncryptedFileError):
        parse(_book({"a": "<p>text</p>"}, _encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc")))


@pytest.mark.parametrize("part", ["META-INF/container.xml", "OEBPS/book.opf"])
def test_a_damaged_book_is_refused(part: str) -> None:
    with pytest.raises(BrokenFileError):
        parse(_book({"a": "<p>text</p>"}, {part: "<broken"}))


def test_a_real_book_is_read(shared_data: Path) -> None:
    content = (shared_data / "dev" / "docs" / "files" / "docling__epub_purvis_poetry.epub").read_bytes()
    parsed = parse(content)
    assert parsed.title == "Poetry"
    assert "The cold storms of winter shall chill him no more" in parsed.text
    assert "The Grave of the Slave" in [page.label for page in parsed.pages]
