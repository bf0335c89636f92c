"""The sentences of an answer judged by a model of inference in place of the words that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from service.answer import Citation, Sentence
from service.grounding.cite import Cited, Citer, without_markers
from service.grounding.entailment import Entailment

_ENTAILED = 0.5


class RememberedEntailment:
    """Asks the model behind it once for each pair: what is judged to be shown is judged again at the end.

    For one answer, whose stages ask one after the other.
    """

    def __init__(self, behind: Entailment) -> None:
        self._behind = behind
        self._known: dict[tuple[str, str], float] = {}

    def probabilities(self, premises: Sequence[str], hypotheses: Sequence[str]) -> NDArray[np.float32]:
        """See ``Entailment.probabilities``."""
        pairs = list(zip(premises, hypotheses, strict=True))
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        if new:
            scores = self._behind.probabilities([pair[0] for pair in new], [pair[1] for pair in new])
            self._known.update(zip(new, scores.tolist(), strict=True))
        return np.array([self._known[pair] for pair in pairs], dtype=np.float32)


def judge_entailment(cited: Cited, text: str, entailment: Entailment) -> Cited:
    """``cited`` with the scores of the model: the probability that what a sentence cites entails it.

    The premise is what the passages that the sentence cites say, together; a sentence that cites none, and
    that no source was found to bear out, stays as it is. A citation says of itself what its sentence does.

    Raises:
        EntailmentError: the model failed.
    """
    premises = {sentence.start: _premise(sentence, cited.citations) for sentence in cited.sentences}
    asked = [sentence for sentence in cited.sentences if premises[sentence.start]]
    scores = entailment.probabilities(
        [premises[sentence.start] for sentence in asked],
        [without_markers(text[sentence.start : sentence.end]) for sentence in asked],
    )
    judged = {
        sentence.start: replace(sentence, score=round(score, 4), supported=score >= _ENTAILED)
        for sentence, score in zip(asked, scores.tolist(), strict=True)
    }
    return Cited(
        citations=tuple(
            replace(one, supported=judged[one.answer_start].supported) if one.answer_start in judged else one
            for one in cited.citations
        ),
        sentences=tuple(judged.get(one.start, one) for one in cited.sentences),
    )


def is_entailed(sentence: str, citer: Citer, entailment: Entailment) -> bool:
    """Whether the model agrees that what ``sentence`` cites bears it out.

    Raises:
        EntailmentError: the model failed.
    """
    judged = judge_entailment(citer.cite(sentence), sentence, entailment)
    return all(part.supported for part in judged.sentences)


def _premise(sentence: Sentence, citations: tuple[Citation, ...]) -> str:
    of_sentence = (citation for citation in citations if citation.answer_start == sentence.start)
    return "\n".join(dict.fromkeys(citation.chunk.text for citation in of_sentence))
