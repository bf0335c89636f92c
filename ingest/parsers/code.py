"""Source code and settings files -> blocks by definition. The text is the source itself.

A block is a top-level definition with the comments above it, or what stands between two definitions; what
it defines is its heading path, so a method's is its class and its own name. Python is read by its own
grammar, all else by indentation, blank lines and the words that definitions begin with.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.document import Block, BlockKind
from ingest.parsers.code_outline import Section, outline
from ingest.parsers.decode import decode_text
from ingest.parsers.python_outline import python_outline
from ingest.parsers.text_builder import ParsedFile


def parse(content: bytes) -> ParsedFile:
    """The decoded source with a block of code for each of its sections."""
    text = decode_text(content)
    lines = text.split("\n")
    sections = python_outline(text, lines)
    if sections is None:
        sections = outline(lines)
    return ParsedFile(text, tuple(_blocks(lines, sections)))


def _blocks(lines: list[str], sections: list[Section]) -> Iterator[Block]:
    """A block for each section that holds anything, without the blank lines around it."""
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for section in sections:
        first, after = section.first, section.after
        while first < after and not lines[first].strip():
            first += 1
        while after > first and not lines[after - 1].strip():
            after -= 1
        if first < after:
            end = starts[after - 1] + len(lines[after - 1].rstrip())
            yield Block(BlockKind.CODE, starts[first], end, section.path)
