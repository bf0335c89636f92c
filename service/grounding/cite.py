"""Markers in an answer to citations that hold: each with the exact words of its source.

A marker ``[n]`` that names no passage is dropped from the text and counted. Every sentence is then checked
against the passages it cites, or against all when it cites none; the quote is cut out of the source by
its span, so it equals the source by construction, and the equality is checked again before it leaves.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ingest.document import Document
from ingest.errors import SnapshotCorruptError
from ingest.words.sentences import sentence_spans
from service.answer import Citation, Passage, Sentence
from service.grounding.bare_words import asks_for_explanation, explains, only_repeats
from service.grounding.support import Grounding, Quote

_MARKER = re.compile(r"\[(\d{1,3})\]")
_MARKERS_BEHIND = re.compile(r"(?:\s*\[\d{1,3}\])+")
_MARKERS_BEFORE = re.compile(r"\s*\[\d{1,3}\]")
_BRACKET = re.compile(r"(\s*)\[\s?(\d{1,3}(?:\s?[,，、]\s?\d{1,3}){0,9})\s?\]")
"""A marker as models write it, several numbers in one bracket too, with the white space before it."""

_BRACKETED_NUMBER = re.compile(r"\[([\d\s,，、]+)\]")

_UNFINISHED = re.compile(r"\s*(?:\[[\d\s,，、]{0,64})?\Z")
"""The end of a text that may yet become a ``_BRACKET``: its numbers take at most 59 characters."""

_RELEVANT_SHARE = 0.7
"""A quote that shares less with the question than this part of what the best sentence does is off it."""

_BESIDE_SHARE, _PLAINLY_ASKED = 0.25, 0.6
"""A quote is beside the question if it shares less than the first part of what the best sentence does, and
that one holds the second part of the question or more. Of the answers to 200 SQuAD questions this held for
13, of which none was right; the two numbers were chosen on them."""


class Documents(Protocol):
    """Where the source of a quote is looked up."""

    def document(self, document_id: str) -> Document | None: ...


class MarkerFilter:
    """Passes a stream of text on without the markers that name none of the passages.

    ``[1, 2]`` becomes ``[1][2]``. However the text is cut into pieces, the same comes out.
    """

    def __init__(self, known: Container[int]) -> None:
        self._known = known
        self._held = ""
        self.invented = 0

    def feed(self, text: str) -> str:
        """The text that is certain after ``text``; white space and a marker that has begun are held back."""
        self._held += text
        unfinished = _UNFINISHED.search(self._held)
        cut = unfinished.start() if unfinished else len(self._held)
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._clean(ready)

    def finish(self) -> str:
        """Whatever was held back."""
        ready, self._held = self._held, ""
        return self._clean(ready)

    def _clean(self, text: str) -> str:
        return _BRACKET.sub(self._keep_known, text)

    def _keep_known(self, match: re.Match[str]) -> str:
        space, inside = match.groups()
        numbers = [int(number) for number in re.findall(r"\d+", inside)]
        known = [number for number in numbers if number in self._known]
        self.invented += len(numbers) - len(known)
        if not known and "\n" not in space:
            space = ""
        return space + "".join(f"[{number}]" for number in known)


@dataclass(frozen=True, slots=True)
class Cited:
    """The citations of an answer, and its sentences, each checked."""

    citations: tuple[Citation, ...]
    sentences: tuple[Sentence, ...]

    @property
    def groundedness(self) -> float:
        """The share of the sentences that a quote supports, 0 to 1; 0 without a sentence."""
        supported = sum(sentence.supported for sentence in self.sentences)
        return supported / len(self.sentences) if self.sentences else 0.0


def answer_sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of an answer, each with its markers.

    Markers between two sentences belong to the one before, unless the text opens with a marker: who
    writes so puts all markers first.
    """
    # Blanked at equal length, so that ".[1] Next" is cut like ". Next" and offsets stay what they are.
    spans = sentence_spans(_MARKER.sub(lambda match: " " * len(match.group()), text))
    if not spans:
        return []
    if _MARKERS_BEFORE.match(text):
        ends = [0, *(end for _, end in spans[:-1])]
        spans = [
            (_first_marker(text, before, start), end)
            for before, (start, end) in zip(ends, spans, strict=True)
        ]
        return [*spans[:-1], (spans[-1][0], _end_of_markers(text, spans[-1][1]))]
    return [(start, _end_of_markers(text, end)) for start, end in spans]


def free_of_markers(text: str) -> str:
    """A source's words with round brackets around what looks like a marker, as a footnote's number does."""
    return _BRACKETED_NUMBER.sub(r"(\1)", text)


def quoted(sentence: str, marker: int) -> str:
    """A source's sentence as a sentence of an answer: on one line, with the marker of its passage."""
    return f"{free_of_markers(' '.join(sentence.split()))} [{marker}]"


def marked_anew(sentence: str, marker: int) -> str:
    """``sentence`` with this marker where its first one stands, and without the others."""
    first = _MARKER.search(sentence)
    if first is None:
        return sentence
    return f"{sentence[: first.start()]}[{marker}]{_MARKERS_BEFORE.sub('', sentence[first.end() :])}"


def markers_of(text: str) -> list[int]:
    """The numbers of the markers in ``text``, in their order and as often as they stand there."""
    return [int(number) for number in _MARKER.findall(text)]


def without_markers(text: str) -> str:
    """``text`` without its markers, the white space before them, and that around the whole."""
    return _MARKERS_BEFORE.sub("", text).strip()


class Citer:
    """Finds the quotes behind the sentences of an answer to one question from its passages."""

    def __init__(self, question: str, passages: Sequence[Passage], grounding: Grounding) -> None:
        self._question = question
        self._passages = passages
        self._grounding = grounding

    @property
    def asks_model(self) -> bool:
        """Whether looking for a quote takes as long as a model does."""
        return self._grounding.asks_model

    def cite(self, text: str) -> Cited:
        """The citations of a whole answer, and its sentences, each checked."""
        citations: list[Citation] = []
        sentences: list[Sentence] = []
        for start, end in answer_sentences(text):
            markers = markers_of(text[start:end])
            quotes = self._quotes(text[start:end], markers)
            citations += _citations(quotes, start, end, is_marked=bool(markers))
            sentences.append(
                Sentence(
                    start=start,
                    end=end,
                    supported=any(quote.supports for _, quote in quotes),
                    score=round(max((quote.score for _, quote in quotes), default=0.0), 4),
                    markers=tuple(dict.fromkeys(markers)),
                )
            )
        return Cited(tuple(citations), tuple(sentences))

    def supporting(self, sentence: str) -> list[Citation]:
        """The citations that bear ``sentence`` out, of the passages that it cites or, citing none, of any."""
        markers = markers_of(sentence)
        quotes = self._quotes(sentence, markers)
        return [
            citation
            for citation in _citations(quotes, 0, len(sentence), is_marked=bool(markers))
            if citation.supported
        ]

    def is_to_the_point(self, citation: Citation) -> bool:
        """Whether its quote shares enough words with the question, beside the passages' best sentence."""
        return (
            self._grounding.overlap(self._question, citation.quote) >= _RELEVANT_SHARE * self._best_overlap()
        )

    def is_on_the_subject(self, citation: Citation) -> bool:
        """``is_to_the_point`` of a quote with its headings, which it need not repeat."""
        under_headings = f"{citation.chunk.headline}\n{citation.quote}"
        shared = self._grounding.overlap(self._question, under_headings)
        return shared >= _RELEVANT_SHARE * self._best_overlap()

    def is_too_brief(self, claim: str) -> bool:
        """Whether ``claim`` is but a few words of an explanation that was asked for, or of the question."""
        if only_repeats(self._question, claim):
            return True
        return asks_for_explanation(self._question) and not explains(claim)

    def is_beside_the_question(self, citation: Citation) -> bool:
        """Whether its quote shares next to no words with the question, and another sentence most of them."""
        best = self._best_overlap()
        shared = self._grounding.overlap(self._question, citation.quote)
        return best >= _PLAINLY_ASKED and shared < _BESIDE_SHARE * best

    def _best_overlap(self) -> float:
        sentences = (
            passage.chunk.text[start:end]
            for passage in self._passages
            for start, end in sentence_spans(passage.chunk.text)
        )
        return max((self._grounding.overlap(self._question, sentence) for sentence in sentences), default=0.0)

    def _quotes(self, sentence: str, markers: Sequence[int]) -> list[tuple[Passage, Quote]]:
        """The best quote of each passage that the sentence cites; the best of all where it cites none."""
        claim = without_markers(sentence)
        if markers:
            cited = [passage for passage in self._passages if passage.marker in markers]
            found = [(passage, self._best_quote(claim, [passage])) for passage in cited]
            return [(passage, quote) for passage, quote in found if quote is not None]
        quote = self._best_quote(claim, self._passages)
        if quote is None:
            return []
        return [next((passage, quote) for passage in self._passages if passage.chunk.id == quote.chunk.id)]

    def _best_quote(self, claim: str, passages: Sequence[Passage]) -> Quote | None:
        return self._grounding.best_quote(claim, [passage.chunk for passage in passages], self._question)


def proven(citations: Sequence[Citation], documents: Documents) -> tuple[Citation, ...]:
    """``citations`` with the page that each quote stands on; one of no kept document stays as it is.

    Raises:
        SnapshotCorruptError: a quote is not its document's text.
    """
    kept = {key: documents.document(key) for key in {citation.chunk.document_id for citation in citations}}
    checked: list[Citation] = []
    for citation in citations:
        document = kept[citation.chunk.document_id]
        if document is None:  # ``answer_from`` takes passages from anywhere
            checked.append(citation)
        elif is_exact(citation, document):
            checked.append(replace(citation, page=document.page_at(citation.quote_start)))
        else:
            raise SnapshotCorruptError(
                f"the passage {citation.chunk.id} is not its document's text: "
                "run `troika collections verify`."
            )
    return tuple(checked)


def is_exact(citation: Citation, document: Document) -> bool:
    """Whether the quote is, character for character, the document's text at its span."""
    return document.text[citation.quote_start : citation.quote_end] == citation.quote


def _citations(
    quotes: Sequence[tuple[Passage, Quote]], start: int, end: int, *, is_marked: bool
) -> list[Citation]:
    """``quotes`` as citations of a sentence; one without markers is attributed to what supports it alone."""
    return [_citation(passage, quote, start, end) for passage, quote in quotes if is_marked or quote.supports]


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


def _first_marker(text: str, before: int, start: int) -> int:
    """Where the first marker in ``[before, start)`` begins; ``start`` when there is none."""
    marker = _MARKER.search(text, before, start)
    return marker.start() if marker else start


def _end_of_markers(text: str, end: int) -> int:
    """Where the markers that follow ``end`` come to their end."""
    markers = _MARKERS_BEHIND.match(text, end)
    return markers.end() if markers else end
