"""A message, whatever program kept it -> blocks: who wrote it to whom and when, then what it says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from ingest.document import BlockKind, MetadataValue
from ingest.parsers.html import parse_source
from ingest.parsers.nested import append_parsed
from ingest.parsers.text_builder import ParsedFile, TextBuilder, clean_text, collapse_space

_BETWEEN_PARAGRAPHS = re.compile(r"\n[ \t\u00a0]*(?:\n[ \t\u00a0]*)+")
_LABELS = (("From", "sender"), ("To", "to"), ("Cc", "copies"), ("Date", "date"), ("Subject", "subject"))


@dataclass(frozen=True, slots=True)
class Body:
    """A stretch of a message's text, plain or as the source of a page."""

    text: str
    is_html: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The lines above a message, as it states them; "" is unknown."""

    sender: str = ""
    to: str = ""
    copies: str = ""
    date: str = ""
    subject: str = ""


def write_message(head: Head, bodies: list[Body], keywords: str = "") -> ParsedFile:
    """The message as a document; its title is the subject."""
    builder = TextBuilder()
    stated = ((label, collapse_space(clean_text(getattr(head, name)))) for label, name in _LABELS)
    builder.add(BlockKind.PARAGRAPH, "\n".join(f"{label}: {value}" for label, value in stated if value))
    for body in bodies:
        if body.is_html:
            append_parsed(builder, parse_source(clean_text(body.text)))
            continue
        for paragraph in _BETWEEN_PARAGRAPHS.split(clean_text(body.text).strip("\n")):
            builder.add(BlockKind.PARAGRAPH, paragraph.rstrip())
    metadata: dict[str, MetadataValue] = {}
    found = (
        ("author", head.sender),
        ("to", head.to),
        ("created", _iso_date(head.date)),
        ("subject", head.subject),
        ("keywords", keywords),
    )
    for name, value in found:
        cleaned = collapse_space(clean_text(value))
        if cleaned:
            metadata[name] = cleaned
    return builder.build(collapse_space(clean_text(head.subject)) or None, metadata)


def _iso_date(stated: str) -> str:
    try:
        return parsedate_to_datetime(stated).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        pass
    try:
        return datetime.fromisoformat(stated.strip()).isoformat()
    except ValueError:
        return ""
