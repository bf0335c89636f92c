"""EPUB -> a page for each chapter, in reading order, labelled with its heading or its title in the contents.

The package is read here and each chapter by the machinery of HTML (``ingest.parsers.html_blocks``), notes
in asides included. A book under digital rights management is refused; one that only hides its fonts is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.entities import html5

from ingest.document import BlockKind, MetadataValue
from ingest.errors import BrokenFileError, EncryptedFileError
from ingest.parsers.decode import decode_text
from ingest.parsers.html_blocks import BlockWriter
from ingest.parsers.nested import append_parsed
from ingest.parsers.package import Package, resolve
from ingest.parsers.text_builder import ParsedFile, TextBuilder, clean_text, collapse_space
from ingest.parsers.titles import first_usable_title
from ingest.parsers.xml_tree import Element, read_html, read_xml, walk

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_OPF = "{http://www.idpf.org/2007/opf}"
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_NCX = "{http://www.daisy.org/z3986/2005/ncx/}"
_ROOT_FILE = "{urn:oasis:names:tc:opendocument:xmlns:container}rootfile"
_ENCRYPTED_DATA = "{http://www.w3.org/2001/04/xmlenc#}EncryptedData"
_METHOD = "{http://www.w3.org/2001/04/xmlenc#}EncryptionMethod"
_FONT_HIDING = frozenset(("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"))
_CHAPTER_TYPES = frozenset(("application/xhtml+xml", "text/html", "application/x-dtbook+xml"))
_PROPERTIES = (
    ("author", "creator"),
    ("subject", "subject"),
    ("description", "description"),
    ("publisher", "publisher"),
    ("language", "language"),
    ("created", "date"),
)
_NOT_SHOWN = frozenset(
    ("script", "style", "head", "title", "template", "noscript", "nav", "svg", "audio", "video")
)
_CLOSED_AT_ONCE = re.compile(r"<([A-Za-z][\w:-]*)((?:\s[^<>]*)?)/>")
_VOID = frozenset(
    ("br", "hr", "img", "link", "meta", "input", "col", "area", "base", "wbr", "source", "track")
)
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_NAMED_CHARACTER = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,30});")
_KEPT_NAMES = frozenset(("amp", "lt", "gt", "quot", "apos"))


@dataclass(frozen=True, slots=True)
class _Item:
    """An entry of the package's manifest."""

    part: str
    media_type: str
    properties: str


@dataclass(frozen=True, slots=True)
class _Book:
    """What the package document says: its files by id, and the ids of the chapters in order."""

    items: dict[str, _Item]
    chapters: tuple[str, ...]
    contents: str | None
    title: str | None
    metadata: dict[str, MetadataValue]


def parse(content: bytes) -> ParsedFile:
    """All chapters of the spine; the title is that of the package."""
    builder = TextBuilder()
    with Package(content) as package:
        _refuse_encrypted(package)
        book = _read_book(package)
        titles = _contents(package, book)
        for number, chapter in enumerate(book.chapters, 1):
            item = book.items.get(chapter)
            if item is None or item.part not in package or item.media_type not in _CHAPTER_TYPES:
                continue
            parsed = _read_chapter(package.read(item.part))
            heading = next((b.heading_path[-1] for b in parsed.blocks if b.kind is BlockKind.HEADING), "")
            builder.start_page(number, heading or titles.get(item.part, ""))
            builder.close_headings()
            append_parsed(builder, parsed)
    return builder.build(first_usable_title((book.title,)), book.metadata)


def _refuse_encrypted(package: Package) -> None:
    if _ENCRYPTION not in package:
        return
    for data in package.read_xml(_ENCRYPTION).iter(_ENCRYPTED_DATA):
        method = data.find(_METHOD)
        if method is None or method.get("Algorithm") not in _FONT_HIDING:
            raise EncryptedFileError(
                "the book is under digital rights management: ingest a copy that is free of it."
            )


def _read_book(package: Package) -> _Book:
    root_file = next(package.read_xml(_CONTAINER).iter(_ROOT_FILE), None)
    place = None if root_file is None else root_file.get("full-path")
    if place is None:
        raise BrokenFileError("the book does not say where its package document is: fetch it again.")
    root = _read_tree(package, place)
    items = {
        entry.get("id") or "": _Item(
            resolve(place, entry.get("href") or ""),
            entry.get("media-type") or "",
            entry.get("properties") or "",
        )
        for entry in root.iter(f"{_OPF}item")
    }
    spine = root.find(f"{_OPF}spine")
    chapters = () if spine is None else tuple(i.get("idref") or "" for i in spine.iter(f"{_OPF}itemref"))
    navigation = next((key for key, item in items.items() if "nav" in item.properties.split()), None)
    contents = navigation or (None if spine is None else spine.get("toc"))
    metadata: dict[str, MetadataValue] = {}
    for name, tag in _PROPERTIES:
        value = ", ".join(text for element in root.iter(f"{_DUBLIN_CORE}{tag}") if (text := _text(element)))
        if value:
            metadata[name] = value
    title = next((_text(element) for element in root.iter(f"{_DUBLIN_CORE}title")), None)
    return _Book(items, chapters, contents, title, metadata)


def _contents(package: Package, book: _Book) -> dict[str, str]:
    """The title of each chapter in the table of contents, by its part; the first of several counts."""
    item = book.items.get(book.contents or "")
    if item is None or item.part not in package:
        return {}
    titles: dict[str, str] = {}
    try:
        root = _read_tree(package, item.part)
    except BrokenFileError:
        return {}  # a book without labels is worth more than none
    for point in root.iter(f"{_NCX}navPoint"):
        label, target = point.find(f"{_NCX}navLabel"), point.find(f"{_NCX}content")
        if label is not None and target is not None:
            titles.setdefault(resolve(item.part, target.get("src") or ""), _text(label))
    for link in root.iter("{http://www.w3.org/1999/xhtml}a"):
        titles.setdefault(resolve(item.part, link.get("href") or ""), _text(link))
    return titles


def _read_tree(package: Package, name: str) -> Element:
    """The tree of a part that may name characters as HTML does, which its document type would declare."""
    content = _NAMED_CHARACTER.sub(_numbered, package.read(name))
    try:
        return read_xml(content)
    except SyntaxError as error:
        raise BrokenFileError(f"part {name!r} of the book is no well-formed XML: fetch it again.") from error


def _numbered(reference: re.Match[bytes]) -> bytes:
    name = reference[1].decode("ascii")
    characters = html5.get(f"{name};")
    if name in _KEPT_NAMES or characters is None:
        return reference[0]
    return "".join(f"&#{ord(character)};" for character in characters).encode("ascii")


def _read_chapter(content: bytes) -> ParsedFile:
    source = _XML_DECLARATION.sub("", decode_text(content), count=1)
    root, _ = read_html(_CLOSED_AT_ONCE.sub(_opened, source)) if source.strip() else (None, True)
    body = None if root is None else root.find("body")
    if body is None:
        return ParsedFile("", ())
    writer = BlockWriter()
    steps = walk(body)
    for event, element in steps:
        if event == "end":
            if element is not body:
                writer.leave(element)
                writer.text(element.tail)
        elif element is not body and _is_left_out(element):
            steps.skip_subtree()
            writer.skip(element)
        else:
            writer.enter(element)
            writer.text(element.text)
    return writer.build()


def _opened(element: re.Match[str]) -> str:
    """An element that XML closes at once, as HTML writes it; there ``<title/>`` would go on to the end."""
    if element[1].lower() in _VOID:
        return element[0]
    return f"<{element[1]}{element[2]}></{element[1]}>"


def _is_left_out(element: Element) -> bool:
    tag = element.tag
    return not isinstance(tag, str) or tag in _NOT_SHOWN or element.get("hidden") is not None


def _text(element: Element) -> str:
    return collapse_space(clean_text("".join(element.itertext())))
