"""How well sources bear out a text: weighted overlap of the words that carry meaning.

A word weighs by its rarity in the collection, idf(t) = ln(1 + (N - n + 0.5) / (n + 0.5)) (Robertson &
Spärck Jones), so a name that the collection does not hold at all weighs the most.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingest.document import Chunk, Hit
from ingest.words.sentences import sentence_spans
from ingest.words.terms import content_terms, fold

SUPPORT_THRESHOLD = 0.6
CONTEXT_THRESHOLD = 0.9
_CONFIDENT_COSINE = 0.65
_HOPELESS_COSINE = 0.25
_LEAST_CHUNKS = 100
"""A smaller collection is weighed as if it had so many chunks: by its own count, in one that holds a single
chunk every word that stands there is common, and the first word that does not outweighs all the others."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a chunk, by its span in the document, and how far it bears out a text.

    ``coverage`` is the weighted share of the text's words in the sentence, ``context_coverage`` that in the
    whole passage with its headings, both 0 to 1: words that the passage does not hold at all are the
    generator's own. ``has_numbers`` says that every number of the text stands in the sentence: a right
    sentence with a wrong figure is a wrong sentence. ``has_subject`` says that what the text takes from the
    question stands in the passage: a right sentence about something else is a wrong answer.
    """

    chunk: Chunk
    start: int
    end: int
    coverage: float
    context_coverage: float
    has_numbers: bool
    has_subject: bool

    @property
    def supports(self) -> bool:
        """Whether the sentence may stand behind the text."""
        return (
            self.has_numbers
            and self.has_subject
            and self.coverage >= SUPPORT_THRESHOLD
            and self.context_coverage >= CONTEXT_THRESHOLD
        )

    @property
    def text(self) -> str:
        return self.chunk.text[self.start - self.chunk.start : self.end - self.chunk.start]


class Grounding:
    """Measures support with the word statistics of one snapshot."""

    def __init__(self, document_frequency: Callable[[str], int], chunk_count: int) -> None:
        self._document_frequency = document_frequency
        self._chunk_count = max(chunk_count, _LEAST_CHUNKS)

    def evidence(self, question: str, hits: Sequence[Hit], languages: Sequence[str]) -> float:
        """How likely the hits hold the answer, 0 to 1.

        The weighted share of the question's words in the best hit; where the embedder reads the hit's
        language, averaged with how near the nearest hit lies between a hopeless and a confident cosine.
        """
        if not hits:
            return 0.0
        weights = self._weights(question)
        covered = max((_covered(weights, _context_terms(hit.chunk)) for hit in hits), default=0.0)
        cosines = [h.dense_score for h in hits if h.dense_score is not None and h.chunk.language in languages]
        if not cosines:
            return covered
        nearness = (max(cosines) - _HOPELESS_COSINE) / (_CONFIDENT_COSINE - _HOPELESS_COSINE)
        return (covered + min(1.0, max(0.0, nearness))) / 2

    def best_quote(self, text: str, chunks: Sequence[Chunk], question: str = "") -> Quote | None:
        """The sentence among ``chunks`` that bears out most of ``text``, said in answer to ``question``.

        The first one wins a tie.
        """
        subject = set(content_terms(question))
        weights = self._weights(text)
        numbers = _numbers(text)
        quotes: list[Quote] = []
        for chunk in chunks:
            context = _context_terms(chunk)
            has_subject = subject & weights.keys() <= context
            for start, end in sentence_spans(chunk.text):
                sentence = chunk.text[start:end]
                has_numbers = numbers <= _numbers(sentence)
                quotes.append(
                    Quote(
                        chunk=chunk,
                        start=chunk.start + start,
                        end=chunk.start + end,
                        coverage=_covered(weights, set(content_terms(sentence))),
                        context_coverage=_covered(weights, context),
                        has_numbers=has_numbers,
                        has_subject=has_subject,
                    )
                )
        return max(
            quotes, key=lambda quote: (quote.supports, quote.has_numbers, quote.coverage), default=None
        )

    def overlap(self, question: str, text: str) -> float:
        """The weighted share of ``question``'s words that ``text`` holds, 0 to 1."""
        return _covered(self._weights(question), set(content_terms(text)))

    def _weights(self, text: str) -> dict[str, float]:
        return {term: self._idf(term) for term in content_terms(text)}

    def _idf(self, term: str) -> float:
        return idf(self._document_frequency(term), self._chunk_count)


def _covered(weights: dict[str, float], present: set[str]) -> float:
    total = sum(weights.values())
    if total <= 0:
        return 0.0
    return sum(weight for term, weight in weights.items() if term in present) / total


def _context_terms(chunk: Chunk) -> set[str]:
    return set(content_terms(f"{chunk.headline}\n{chunk.table_header}\n{chunk.text}"))


def _numbers(text: str) -> frozenset[str]:
    return frozenset(_THOUSANDS.sub("", number) for number in _NUMBER.findall(fold(text)))


def idf(frequency: int, count: int) -> float:
    """The weight of a term that ``frequency`` of ``count`` chunks hold; the formula stands above."""
    return math.log(1 + (count - frequency + 0.5) / (frequency + 0.5))
