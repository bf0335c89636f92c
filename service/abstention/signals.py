"""What tells, before an answer is written, whether the passages hold it.

All of it is at hand when a question is answered, and none of it asks a model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from itertools import pairwise

from ingest.words.sentences import sentence_spans
from ingest.words.terms import content_terms
from service.abstention.answer_type import answer_type, holds_answer
from service.answer import Passage
from service.grounding.support import Grounding, covered_share

_NEGATION = re.compile(
    r"\b(?:not|no|never|without|none|neither|nor|cannot|except|least)\b|n['’]t\b|[不没未无非沒無]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Signals:
    """Numbers from 0 to 1, of a question and its passages.

    Attributes:
        evidence: see ``Grounding.evidence``.
        score: that of the best passage in the search.
        lead: of the best passage over the second, in the words of the question that each holds.
        passage: the weighted share of the question's words in the best passage.
        sentence: in the best sentence, with its headings.
        typed: in the best sentence that holds a number, time or name where the question asks for one.
        missing: the weight of the heaviest word that the best sentence lacks, as a share of all.
        pairs: the share of the question's neighbouring words that are neighbours in a passage, too.
        negated: 1 where the question holds a negation that the best sentence does not.
    """

    evidence: float
    score: float
    lead: float
    passage: float
    sentence: float
    typed: float
    missing: float
    pairs: float
    negated: float

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers in the order of ``SIGNALS``."""
        return astuple(self)


SIGNALS = tuple(field.name for field in fields(Signals))


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    covered: float
    terms: frozenset[str]


def measure_signals(
    question: str, passages: Sequence[Passage], evidence: float, grounding: Grounding
) -> Signals:
    """The signals of ``question`` and the passages, of which there is one at least."""
    weights = grounding.weights(question)
    whole = [_terms(passage, passage.chunk.text) for passage in passages]
    covered = sorted((covered_share(weights, terms) for terms in whole), reverse=True)
    sentences = [
        _Sentence(text, covered_share(weights, terms), terms)
        for passage in passages
        for start, end in sentence_spans(passage.chunk.text)
        for text in (passage.chunk.text[start:end],)
        for terms in (_terms(passage, text),)
    ]
    best = max(sentences, key=lambda sentence: sentence.covered, default=_Sentence("", 0.0, frozenset()))
    kind = answer_type(question)
    typed = (one.covered for one in sentences if holds_answer(kind, one.text, question))
    lacking = (weight for term, weight in weights.items() if term not in best.terms)
    return Signals(
        evidence=evidence,
        score=max(passage.score for passage in passages),
        lead=covered[0] - covered[1] if len(covered) > 1 else 0.0,
        passage=covered[0],
        sentence=best.covered,
        typed=max(typed, default=0.0),
        missing=max(lacking, default=0.0) / (sum(weights.values()) or 1.0),
        pairs=max(_pairs_found(question, passage.chunk.text) for passage in passages),
        negated=float(bool(_NEGATION.search(question)) and not _NEGATION.search(best.text)),
    )


def _terms(passage: Passage, text: str) -> frozenset[str]:
    return frozenset(content_terms(f"{passage.chunk.headline}\n{text}"))


def _pairs_found(question: str, text: str) -> float:
    asked = set(pairwise(content_terms(question)))
    terms = content_terms(text)
    found = {*pairwise(terms), *zip(terms, terms[2:], strict=False)}
    return len(asked & found) / len(asked) if asked else 0.0
