"""Plain text -> blocks: paragraphs are what blank lines set apart. Headings are not guessed."""

from __future__ import annotations

import re

from ingest.document import Block, BlockKind
from ingest.parsers.decode import decode_text
from ingest.parsers.text_builder import ParsedFile

_PARAGRAPH = re.compile(r"\S(?:.*\S)?(?:\n[^\S\n]*\S(?:.*\S)?)*")


def parse(content: bytes) -> ParsedFile:
    """The decoded source itself, with spans into it."""
    text = decode_text(content)
    blocks = tuple(
        Block(BlockKind.PARAGRAPH, match.start(), match.end()) for match in _PARAGRAPH.finditer(text)
    )
    return ParsedFile(text, blocks)
