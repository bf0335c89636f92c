"""HTML -> blocks of the page's main content, as a reader sees it.

Navigation, scripts, forms' controls and hidden elements are left out, and ``<main>`` or ``<article>`` is
preferred when present. The tree is walked without recursion, so deep nesting can't exhaust the stack.
Only inline styles and attributes are read: what a style sheet hides is not known here.
"""

from __future__ import annotations

import re
from itertools import chain

from ingest.document import MetadataValue
from ingest.errors import BrokenFileError
from ingest.parsers.decode import decode_text
from ingest.parsers.html_blocks import BlockWriter
from ingest.parsers.text_builder import ParsedFile, clean_text, collapse_space
from ingest.parsers.xml_tree import Element, read_html, walk

_DECLARED_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""", re.IGNORECASE
)
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_DECLARATION_BYTES = 8192
_NEVER_SHOWN_TAGS = (
    "script style template noscript head svg iframe object embed applet canvas audio video map select "
    "datalist button input textarea progress meter dialog"
)
_NEVER_SHOWN = frozenset(_NEVER_SHOWN_TAGS.split())
_BESIDE_THE_CONTENT = frozenset(("nav", "aside", "footer"))
_ROLES_BESIDE = frozenset(
    ("navigation", "banner", "contentinfo", "complementary", "search", "menu", "menubar")
)
_GENERIC_BOX = re.compile(r"</?(?:div|span|font|center|section|blockquote)\b[^<>]*>", re.IGNORECASE)
_HIDING_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0*)?\s*(?:;|\Z)", re.IGNORECASE
)
_NO_SIZE = re.compile(r"font-size\s*:\s*0(?:\.0*)?(?:[a-z]+|%)?\s*(?:;|\Z)", re.IGNORECASE)
_COLOUR = re.compile(r"(?<![-\w])color\s*:\s*([^;!]+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"(?<![-\w])background(?:-color)?\s*:\s*([^;!]+)", re.IGNORECASE)
_WHITE = frozenset(("white", "#fff", "#ffffff", "rgb(255,255,255)"))
_MIN_MAIN_SHARE = 0.2
"""A ``<main>`` or ``<article>`` with less of the page's text than this is taken for decoration."""


def parse(content: bytes) -> ParsedFile:
    """The main content of a page; its title is ``<title>``, else the first ``<h1>``."""
    declared = _DECLARED_CHARSET.search(content[:_DECLARATION_BYTES])
    return parse_source(decode_text(content, declared[1].decode("ascii") if declared else None))


def parse_source(source: str) -> ParsedFile:
    """As ``parse``, for source already decoded and cleaned."""
    source = _XML_DECLARATION.sub("", source, count=1)
    if not source.strip():
        return ParsedFile("", ())
    root = _read_tree(source)
    if root is None:
        return ParsedFile("", ())
    body = root.find("body")
    body = root if body is None else body
    parsed = _write(_main_content(body), strict=True)
    if not parsed.blocks:
        parsed = _write(body, strict=False)
    title = _title(root) or _first_heading(body)
    return ParsedFile(parsed.text, parsed.blocks, title, metadata=_metadata(root))


def _read_tree(source: str) -> Element | None:
    """The page's tree, None when it holds nothing.

    libxml2 drops all that is nested more than 2048 deep; such a page is read once more without its
    generic boxes, so that none of its text is lost unseen.
    """
    root, complete = read_html(source)
    if complete:
        return root
    root, complete = read_html(_GENERIC_BOX.sub("<p>", source))
    if complete:
        return root
    raise BrokenFileError("the page's elements are nested more than 2048 deep: simplify its mark-up.")


def _write(content: Element, *, strict: bool) -> ParsedFile:
    writer = BlockWriter()
    steps = walk(content)
    for event, element in steps:
        if event == "end":
            if element is not content:
                writer.leave(element)
                writer.text(element.tail)
            continue
        if element is not content and _is_left_out(element, strict=strict):
            steps.skip_subtree()
            # The walk still reports the end of a skipped element, and with it the text behind it.
            writer.skip(element)
            continue
        writer.enter(element)
        writer.text(element.text)
    return writer.build()


def _main_content(body: Element) -> Element:
    """The one ``<main>``, or the one ``<article>``, that holds a fair part of the text; else all."""
    mains = chain(body.findall(".//main"), body.findall(".//*[@role='main']"))
    for candidates in (mains, body.findall(".//article")):
        found = [element for element in candidates if not _is_left_out(element, strict=True)]
        if len(found) == 1 and _text_length(found[0]) >= _MIN_MAIN_SHARE * _text_length(body):
            return found[0]
    return body


def _text_length(element: Element) -> int:
    return sum(len(text.strip()) for text in element.itertext())


def _is_left_out(element: Element, *, strict: bool) -> bool:
    tag = element.tag
    if not isinstance(tag, str) or tag in _NEVER_SHOWN:
        return True
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    style = element.get("style")
    if style is not None and (
        _HIDING_STYLE.search(style) or _is_sizeless(element, style) or _is_unseen(element, style)
    ):
        return True
    return strict and _is_beside(element, tag)


def _is_sizeless(element: Element, style: str) -> bool:
    """Whether text is set in size 0. A box of that size is a layout trick: what is in it has its own."""
    return _NO_SIZE.search(style) is not None and next(iter(element), None) is None


def _is_unseen(element: Element, style: str) -> bool:
    """Whether text has the colour of its ground: the one stated with it, or white where nothing states one.

    A class may stand for a ground that only a style sheet knows, so under one nothing is taken for unseen.
    """
    colour = _COLOUR.search(style)
    if colour is None:
        return False
    ground = _BACKGROUND.search(style)
    if ground is not None:
        return _plain_colour(colour[1]) == _plain_colour(ground[1])
    around = (element, *element.iterancestors())
    return _plain_colour(colour[1]) in _WHITE and not any(
        one.get("bgcolor") or one.get("class") or _BACKGROUND.search(one.get("style") or "") for one in around
    )


def _plain_colour(colour: str) -> str:
    return "".join(colour.split()).lower()


def _is_beside(element: Element, tag: str) -> bool:
    """Navigation and the like; a ``<header>`` is the page's banner unless it holds the page's heading."""
    if tag in _BESIDE_THE_CONTENT or element.get("role") in _ROLES_BESIDE:
        return True
    if tag != "header":
        return False
    inside = next(element.iterancestors("article", "main", "section"), None) is not None
    return not inside and element.find(".//h1") is None


def _title(root: Element) -> str | None:
    title = root.find("head/title")
    if title is None:
        return None
    return collapse_space("".join(title.itertext())) or None


def _first_heading(body: Element) -> str | None:
    for heading in body.iter("h1"):
        text = collapse_space("".join(heading.itertext()))
        if text:
            return text
    return None


def _metadata(root: Element) -> dict[str, MetadataValue]:
    found: dict[str, MetadataValue] = {}
    for element in root.iter("meta"):
        name = (element.get("name") or "").lower()
        if name in ("author", "description", "keywords"):
            value = clean_text(element.get("content") or "").strip()
            if value:
                found[name] = value
    language = root.get("lang")
    if language:
        found["lang"] = language
    return found
