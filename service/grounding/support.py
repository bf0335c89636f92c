"""How well sources bear out a text: overlap of the words that carry meaning, and what contradicts it.

A word weighs by its rarity in the collection, idf(t) = ln(1 + (N - n + 0.5) / (n + 0.5)) (Robertson &
Spärck Jones), so a name that the collection does not hold at all weighs the most. Overlap, numbers, names
and negations, and the cosine of meanings where it is asked for, become one score by a logistic regression,
whose weights `troika eval support` has fitted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from ingest.document import Chunk, Hit
from ingest.words.language import detect_language
from ingest.words.sentences import sentence_spans
from ingest.words.terms import content_terms, fold
from service.abstention.logistic import Logistic
from service.grounding.claims import is_turned_round, names, numbers
from service.grounding.nearness import Nearness

SUPPORT_THRESHOLD = 0.5
_CONFIDENT_COSINE = 0.65
_HOPELESS_COSINE = 0.25
_LEAST_CHUNKS = 100
"""A smaller collection is weighed as if it had so many chunks: by its own count, in one that holds a single
chunk every word that stands there is common, and the first word that does not outweighs all the others."""

_OTHERS = Logistic(-5.14, (4.58, 2.91, -3.57, -3.16, -6.11))
_CHINESE = Logistic(-26.17, (15.73, 13.41, -6.04, -5.38, -7.00))
"""For the features of a quote: `troika eval support --limit 120` over clapnq_en, squad2_en, nq_gold_en and
cmrc2018_zh, drcd_zhhant, xquad_zh."""
_WITH_COSINE = Logistic(-5.39, (0.76, 5.08, -3.84, -3.51, -5.79, 2.00))
"""The same over the English ones with ``--embedding``."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a chunk, by its span in the document, and how far it bears out a text.

    ``coverage`` is the weighted share of the text's words in the sentence, ``context_coverage`` that in the
    whole passage with its headings, both 0 to 1: words that the passage does not hold at all are the
    generator's own. ``has_numbers`` and ``has_names`` say that every number of the text stands in the
    sentence, and every name in it or its headings; ``is_contrary``, that one of the two negates what the
    other does not. ``has_subject`` says that what the text takes from the question stands in the passage:
    a right sentence about something else is a wrong answer. ``language`` is that of the text. ``cosine`` is
    None where meanings were not compared.
    """

    chunk: Chunk
    start: int
    end: int
    coverage: float
    context_coverage: float
    has_numbers: bool
    has_names: bool
    is_contrary: bool
    has_subject: bool
    language: str
    cosine: float | None = None

    @property
    def features(self) -> tuple[float, ...]:
        """What ``score`` is made from."""
        return (
            self.coverage,
            self.context_coverage,
            float(not self.has_numbers),
            float(not self.has_names),
            float(self.is_contrary),
            *(() if self.cosine is None else (self.cosine,)),
        )

    @property
    def score(self) -> float:
        """The probability that the sentence says what the text says, 0 to 1."""
        if self.cosine is not None:
            return _WITH_COSINE.probability(self.features)
        return (_CHINESE if self.language == "zh" else _OTHERS).probability(self.features)

    @property
    def supports(self) -> bool:
        """Whether the sentence may stand behind the text; with a wrong figure it may not."""
        return self.has_numbers and self.has_subject and self.score >= SUPPORT_THRESHOLD

    @property
    def text(self) -> str:
        return self.chunk.text[self.start - self.chunk.start : self.end - self.chunk.start]


class Grounding:
    """Measures support with the word statistics of one snapshot."""

    def __init__(
        self,
        document_frequency: Callable[[str], int],
        chunk_count: int,
        nearness: Nearness | None = None,
    ) -> None:
        """With ``nearness`` the meanings of a text and its quote count beside the words that they share."""
        self._document_frequency = document_frequency
        self._chunk_count = max(chunk_count, _LEAST_CHUNKS)
        self._nearness = nearness

    @property
    def asks_model(self) -> bool:
        """Whether ``best_quote`` takes as long as a model does."""
        return self._nearness is not None

    def evidence(self, question: str, hits: Sequence[Hit], languages: Sequence[str]) -> float:
        """How likely the hits hold the answer, 0 to 1.

        The weighted share of the question's words in the best hit; where the embedder reads the hit's
        language, averaged with how near the nearest hit lies between a hopeless and a confident cosine.
        """
        if not hits:
            return 0.0
        weights = self.weights(question)
        covered = max((covered_share(weights, _context_terms(hit.chunk)) for hit in hits), default=0.0)
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
        weights = self.weights(text)
        claimed_numbers, claimed_names, language = numbers(text), names(text), detect_language(text)
        quotes: list[Quote] = []
        for chunk in chunks:
            context = f"{chunk.headline}\n{chunk.table_header}\n{chunk.text}"
            headings, context_terms = fold(chunk.headline), set(content_terms(context))
            context_coverage = covered_share(weights, context_terms)
            for start, end in sentence_spans(chunk.text):
                sentence = chunk.text[start:end]
                named = f"{headings}\n{fold(sentence)}"
                quotes.append(
                    Quote(
                        chunk=chunk,
                        start=chunk.start + start,
                        end=chunk.start + end,
                        coverage=covered_share(weights, set(content_terms(sentence))),
                        context_coverage=context_coverage,
                        has_numbers=claimed_numbers <= numbers(sentence),
                        has_names=all(name in named for name in claimed_names),
                        is_contrary=is_turned_round(text, sentence),
                        has_subject=subject & weights.keys() <= context_terms,
                        language=language,
                    )
                )
        best = max(
            quotes, key=lambda quote: (quote.supports, quote.has_numbers, quote.coverage), default=None
        )
        if best is None or self._nearness is None:
            return best
        return replace(best, cosine=self._nearness.cosine(text, best.text, language))

    def overlap(self, question: str, text: str) -> float:
        """The weighted share of ``question``'s words that ``text`` holds, 0 to 1."""
        return covered_share(self.weights(question), set(content_terms(text)))

    def weights(self, text: str) -> dict[str, float]:
        """The words of ``text`` that carry meaning, and what each weighs."""
        return {term: self._idf(term) for term in content_terms(text)}

    def _idf(self, term: str) -> float:
        return idf(self._document_frequency(term), self._chunk_count)


def covered_share(weights: Mapping[str, float], present: AbstractSet[str]) -> float:
    """The share of the weight of ``weights`` that is of words present, 0 to 1."""
    total = sum(weights.values())
    if total <= 0:
        return 0.0
    return sum(weight for term, weight in weights.items() if term in present) / total


def _context_terms(chunk: Chunk) -> set[str]:
    return set(content_terms(f"{chunk.headline}\n{chunk.table_header}\n{chunk.text}"))


def idf(frequency: int, count: int) -> float:
    """The weight of a term that ``frequency`` of ``count`` chunks hold; the formula stands above."""
    return math.log(1 + (count - frequency + 0.5) / (frequency + 0.5))
