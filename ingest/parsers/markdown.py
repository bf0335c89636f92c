"""Markdown -> blocks. The document's text is the source itself; every span points into it.

CommonMark with tables and YAML front matter. Only the block structure is parsed: inline marks stay
in the text as they were written, and only headings are read without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ingest.document import Block, BlockKind, MetadataValue
from ingest.parsers.decode import decode_text
from ingest.parsers.text_builder import HeadingTrail, ParsedFile, collapse_space

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<yaml>.{0,65536}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_ANCHOR = re.compile(r"(?<!\s)\s*\{\s*#[^{}]*\}\s*$")
_TAG = re.compile(r"<!--.*?(?:-->|\Z)|</?[A-Za-z][^<>]*>", re.DOTALL)
_KINDS = {
    "paragraph_open": BlockKind.PARAGRAPH,
    "blockquote_open": BlockKind.PARAGRAPH,
    "html_block": BlockKind.PARAGRAPH,
    "bullet_list_open": BlockKind.LIST,
    "ordered_list_open": BlockKind.LIST,
    "table_open": BlockKind.TABLE,
    "fence": BlockKind.CODE,
    "code_block": BlockKind.CODE,
}


def parse(content: bytes) -> ParsedFile:
    """The decoded source with its blocks; front matter becomes metadata and is no block."""
    return parse_source(decode_text(content))


def parse_source(text: str) -> ParsedFile:
    """As ``parse``, for source already decoded and cleaned."""
    metadata, body_start = _front_matter(text)
    blocks: list[Block] = []
    first_title: str | None = None
    trail = HeadingTrail()
    for token, heading, start, end in _spans(text, body_start):
        if token.type == "heading_open":
            level = int(token.tag[1])
            if level == 1 and first_title is None:
                first_title = heading or None
            blocks.append(Block(BlockKind.HEADING, start, end, trail.enter(level, heading)))
        else:
            header = _table_header(text, start, end) if token.type == "table_open" else None
            blocks.append(Block(_KINDS[token.type], start, end, trail.path, header))
    stated = metadata.get("title")
    title = stated.strip() if isinstance(stated, str) and stated.strip() else first_title
    return ParsedFile(text, tuple(blocks), title, metadata=metadata)


def _spans(text: str, body_start: int) -> Iterator[tuple[Token, str, int, int]]:
    """Top-level tokens in order, each with its heading text ("" for others) and trimmed span."""
    parser = MarkdownIt("commonmark").enable("table")
    inline = MarkdownIt("commonmark")
    parser.core.ruler.disable(["inline", "text_join"])
    body = text[body_start:]
    line_starts = [0, *(match.end() for match in re.finditer("\n", body)), len(body)]
    tokens = parser.parse(body)
    for index, token in enumerate(tokens):
        if token.level or not token.map or (token.type not in _KINDS and token.type != "heading_open"):
            continue
        first, after = token.map
        start, end = line_starts[first], line_starts[min(after, len(line_starts) - 1)]
        start, end = _trim(body, start, end, keep_indent=token.type == "code_block")
        if start == end or (token.type == "html_block" and not _TAG.sub("", body[start:end]).strip()):
            continue
        heading = _heading_text(inline, tokens[index + 1].content) if token.type == "heading_open" else ""
        if token.type == "heading_open" and not heading:
            continue
        yield token, heading, body_start + start, body_start + end


def _table_header(text: str, start: int, end: int) -> tuple[int, int]:
    """The span of a table's first row and of the line of dashes below it."""
    dashes = text.index("\n", start) + 1
    after = text.find("\n", dashes, end)
    return start, end if after < 0 else after


def _trim(body: str, start: int, end: int, *, keep_indent: bool) -> tuple[int, int]:
    while end > start and body[end - 1].isspace():
        end -= 1
    while start < end and body[start].isspace() and not (keep_indent and body[start] != "\n"):
        start += 1
    return start, end


def _heading_text(inline: MarkdownIt, content: str) -> str:
    """A heading as a reader sees it: no marks, no ``{#anchor}``; an image counts by its description."""
    tokens = inline.parseInline(_ANCHOR.sub("", content))
    parts = [child.content or " " for child in tokens[0].children or () if _is_visible(child)]
    return collapse_space(_TAG.sub("", "".join(parts)))


def _is_visible(token: Token) -> bool:
    return token.type in ("text", "code_inline", "image", "softbreak", "hardbreak", "text_special")


def _front_matter(text: str) -> tuple[dict[str, MetadataValue], int]:
    """The metadata and where the body starts; a first block that is no YAML mapping is body."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, 0
    try:
        loaded: object = yaml.safe_load(match["yaml"])
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, 0
    if not isinstance(loaded, dict):
        return {}, 0
    entries = cast("dict[object, object]", loaded)
    values = ((str(key), _metadata_value(value)) for key, value in entries.items())
    return {key: value for key, value in values if value is not None}, match.end()


def _metadata_value(value: object) -> MetadataValue | None:
    """Scalars and lists of scalars; dates by their ISO text; nested structures are left out."""
    if isinstance(value, list):
        items = cast("list[object]", value)
        return tuple(str(item) for item in items if not isinstance(item, (dict, list)))
    if value is None or isinstance(value, (dict, set, bytes)):
        return None
    return value if isinstance(value, (str, int, float, bool)) else str(value)
