"""Whether a span of a document is where an answer can be found."""

from __future__ import annotations

import re
from urllib.parse import unquote

from eval.cases.case import Relevant


def names_document(uri: str, document: str) -> bool:
    """Whether ``document`` is the last part of ``uri``, counted in whole path segments."""
    path = unquote(uri)
    return path == document or path.endswith("/" + document.removeprefix("/"))


def leads_to(uri: str, start: int, end: int, place: Relevant, source: str) -> bool:
    """Whether the span ``[start, end)`` of the document at ``uri`` leads to ``place``.

    The document must be the expected one; where the evidence in it is known too, the span must overlap it.

    Args:
        source: the document's text; read only if ``needs_source(uri, place)``.
    """
    if not names_document(uri, place.document):
        return False
    if place.start is not None and place.end is not None:
        return place.start < end and start < place.end
    if place.evidence is None:
        return True
    return any(first < end and start < last for first, last in evidence_spans(source, place.evidence))


def needs_source(uri: str, place: Relevant) -> bool:
    """Whether only the document's text tells if a span of it leads to ``place``."""
    has_span = place.start is not None and place.end is not None
    return place.evidence is not None and not has_span and names_document(uri, place.document)


def evidence_spans(source: str, evidence: str) -> list[tuple[int, int]]:
    """Where the words of ``evidence`` stand in ``source``; white space may differ, as line breaks do."""
    letters = [re.escape(character) for character in evidence if not character.isspace()]
    if not letters:
        return []
    return [match.span() for match in re.finditer(r"\s*".join(letters), source)]


def is_exact(quote: str, start: int, end: int, source: str) -> bool:
    """Whether a citation keeps its promise: its quote is the source's text at its span."""
    return 0 <= start < end <= len(source) and source[start:end] == quote
