"""Who writes the answer: a language model given the prompt, or the sources' own best sentences."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Protocol

from ingest.words.sentences import sentence_spans
from ingest.words.terms import content_terms
from service.answer import Passage
from service.generate import Generator, Piece, Sampling
from service.grounding.cite import quoted
from service.grounding.support import Grounding
from service.prompt import render, template_for
from service.question import SamplingWish

_SENTENCES = 2
_SECOND_SENTENCE_SHARE = 0.9
_TRUST_FLOOR = 3.0  # of 4: how far the passage's rank may weigh beside the sentence's own words
_TERMS_OF_A_STATEMENT = 5


class Writer(Protocol):
    """Turns a question and its passages into the text of an answer."""

    @property
    def name(self) -> str: ...

    def write(
        self,
        question: str,
        passages: Sequence[Passage],
        language: str,
        wish: SamplingWish | None = None,
    ) -> AsyncGenerator[Piece]:
        """Yield the answer in pieces, with markers ``[n]`` for the passages."""
        ...


class PromptedWriter:
    """Asks a generator with the one prompt there is; ``sampling`` holds where an asker has no wish.

    ``refusal_bias`` is taken from the logit of the token that a refusal begins with. A model learns how
    often to refuse from what it was shown; this moves it along its own curve of wrong refusals against right
    ones without training it again.
    """

    def __init__(self, generator: Generator, sampling: Sampling, refusal_bias: float = 0.0) -> None:
        self._generator = generator
        self._sampling = sampling
        self._refusal_bias = refusal_bias

    @property
    def name(self) -> str:
        return self._generator.name

    def write(
        self,
        question: str,
        passages: Sequence[Passage],
        language: str,
        wish: SamplingWish | None = None,
    ) -> AsyncGenerator[Piece]:
        """Stream the generator's answer."""
        sampling = self._sampling if wish is None else _granted(wish, self._sampling)
        if self._refusal_bias and sampling.json_schema is None:
            refusal = template_for(language).refusal
            sampling = replace(sampling, less_likely=((refusal, self._refusal_bias),))
        return self._generator.stream(render(question, passages, language), sampling)


class ExtractiveWriter:
    """Quotes the one or two sentences that share most with the question; in any language, at once."""

    def __init__(self, grounding: Grounding) -> None:
        self._grounding = grounding

    @property
    def name(self) -> str:
        return "extractive"

    async def write(
        self,
        question: str,
        passages: Sequence[Passage],
        language: str,  # noqa: ARG002  (a quote is in its source's language)
        wish: SamplingWish | None = None,  # noqa: ARG002  (a quote is not sampled)
    ) -> AsyncGenerator[Piece]:
        """Yield the chosen sentences, each with its marker and on its own line.

        What looks like a marker in the source itself ("as shown in [3]") is none in the answer.
        """
        for index, (passage, sentence) in enumerate(self._choose(question, passages)):
            yield Piece(("\n" if index else "") + quoted(sentence, passage.marker))

    def _choose(self, question: str, passages: Sequence[Passage]) -> list[tuple[Passage, str]]:
        scored: list[tuple[float, Passage, str]] = []
        best_passage = max((passage.score for passage in passages), default=0.0)
        for passage in passages:
            trust = passage.score / best_passage if best_passage > 0 else 1.0
            for start, end in sentence_spans(passage.chunk.text):
                sentence = " ".join(passage.chunk.text[start:end].split())
                # A sentence need not repeat what its headings say.
                overlap = self._grounding.overlap(question, f"{passage.chunk.headline}\n{sentence}")
                scored.append((overlap * (_TRUST_FLOOR + trust) * _fullness(sentence), passage, sentence))
        scored.sort(key=lambda item: -item[0])
        best = scored[0][0] if scored else 0.0
        chosen: dict[str, Passage] = {}  # by sentence: documents repeat each other
        for score, passage, sentence in scored:
            if score >= best * _SECOND_SENTENCE_SHARE:
                chosen.setdefault(sentence, passage)
        return [(passage, sentence) for sentence, passage in chosen.items()][:_SENTENCES]


def _granted(wish: SamplingWish, settings: Sampling) -> Sampling:
    """``wish``, and the settings where it has none; the limit of tokens is only ever lowered."""
    return replace(
        settings,
        max_tokens=min(wish.max_tokens or settings.max_tokens, settings.max_tokens),
        temperature=settings.temperature if wish.temperature is None else wish.temperature,
        top_p=wish.top_p,
        seed=settings.seed if wish.seed is None else wish.seed,
        stop=wish.stop,
        json_schema=wish.json_schema,
    )


def _fullness(sentence: str) -> float:
    """1 for a sentence that can say something, less for a fragment or a mere announcement."""
    return min(1.0, len(set(content_terms(sentence))) / _TERMS_OF_A_STATEMENT)
