"""Markers in an answer to citations that hold: each with the exact words of its source.

A marker that names no passage is dropped from the text and counted. Every sentence is then checked
against the passages it cites, or against all when it cites none; the quote is cut out of the source by
its span, so it equals the source by construction, and the equality is checked again before it leaves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.document import Document
from ingest.sentences import sentence_spans
from service.answer import Citation, Passage
from service.ground import Grounding, Quote

_MARKER = re.compile(r"\[(\d{1,3})\]")
_TRAILING_MARKERS = re.compile(r"\s*(?:\[\d{1,3}\]\s*)+")
_OPEN_MARKER = re.compile(r"\s*\[\d{0,3}$")


class MarkerFilter:
    """Passes a stream of text on without the markers that name none of the passages."""

    def __init__(self, passages: int) -> None:
        self._passages = passages
        self._held = ""
        self.invented = 0

    def feed(self, text: str) -> str:
        """The text that is certain after ``text``; a marker that has only begun is held back."""
        self._held += text
        unfinished = _OPEN_MARKER.search(self._held)
        cut = unfinished.start() if unfinished else len(self._held)
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._clean(ready)

    def finish(self) -> str:
        """Whatever was held back."""
        ready, self._held = self._held, ""
        return self._clean(ready)

    def _clean(self, text: str) -> str:
        def keep_known(match: re.Match[str]) -> str:
            if 1 <= int(match.group(1)) <= self._passages:
                return match.group()
            self.invented += 1
            return ""

        return _MARKER.sub(keep_known, text)


@dataclass(frozen=True, slots=True)
class Cited:
    """The citations of an answer and the share of its sentences that a quote supports, 0 to 1."""

    citations: tuple[Citation, ...]
    groundedness: float


def answer_sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of an answer; markers behind a full stop belong to the sentence before."""
    spans: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        leading = _TRAILING_MARKERS.match(text, start, end)
        if leading and spans:
            spans[-1] = (
                spans[-1][0],
                leading.end() if leading.end() == end else _rstrip(text, leading.end()),
            )
            start = leading.end()
        if start < end:
            spans.append((start, end))
    return spans


def without_markers(text: str) -> str:
    """``text`` without its markers and the white space around it."""
    return _MARKER.sub("", text).strip()


def cite(text: str, passages: Sequence[Passage], grounding: Grounding) -> Cited:
    """Find the quote behind every sentence of ``text``."""
    citations: list[Citation] = []
    spans = answer_sentences(text)
    supported_sentences = 0
    for start, end in spans:
        found = cite_sentence(text, start, end, passages, grounding)
        citations += found
        supported_sentences += any(citation.supported for citation in found)
    return Cited(tuple(citations), supported_sentences / len(spans) if spans else 0.0)


def is_exact(citation: Citation, document: Document) -> bool:
    """Whether the quote is, character for character, the document's text at its span."""
    return document.text[citation.quote_start : citation.quote_end] == citation.quote


def cite_sentence(
    text: str, start: int, end: int, passages: Sequence[Passage], grounding: Grounding
) -> list[Citation]:
    """The citations of the sentence at ``[start, end)`` of an answer; none when it neither cites nor is borne out."""
    sentence = text[start:end]
    claim = without_markers(sentence)
    named = {int(match.group(1)) for match in _MARKER.finditer(sentence)}
    if named:
        quotes = [
            (passage, grounding.best_quote(claim, [passage.chunk]))
            for passage in passages
            if passage.marker in named
        ]
    else:
        quotes = _attribution(claim, passages, grounding)
    return [_citation(passage, quote, start, end) for passage, quote in quotes if quote is not None]


def _attribution(
    claim: str, passages: Sequence[Passage], grounding: Grounding
) -> list[tuple[Passage, Quote | None]]:
    """The one passage that supports an unmarked sentence; none if none does."""
    quote = grounding.best_quote(claim, [passage.chunk for passage in passages])
    if quote is None or not quote.supports:
        return []
    return [(next(passage for passage in passages if passage.chunk.id == quote.chunk.id), quote)]


def _citation(passage: Passage, quote: Quote, start: int, end: int) -> Citation:
    return Citation(
        marker=passage.marker,
        chunk=passage.chunk,
        answer_start=start,
        answer_end=end,
        quote=quote.text,
        quote_start=quote.start,
        quote_end=quote.end,
        page=passage.chunk.page_start,
        supported=quote.supports,
    )


def _rstrip(text: str, end: int) -> int:
    while text[end - 1].isspace():
        end -= 1
    return end
