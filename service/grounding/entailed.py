"""The sentences of an answer judged by a model of inference in place of the words that they share."""

from __future__ import annotations

from dataclasses import replace

from service.answer import Citation, Sentence
from service.grounding.cite import Cited, without_markers
from service.grounding.entailment import Entailment

_ENTAILED = 0.5


def judge_entailment(cited: Cited, text: str, entailment: Entailment) -> Cited:
    """``cited`` with the scores of the model: the probability that what a sentence cites entails it.

    The premise is what the passages that the sentence cites say, together; a sentence that cites none, and
    that no source was found to bear out, stays as it is.

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
    return replace(cited, sentences=tuple(judged.get(one.start, one) for one in cited.sentences))


def _premise(sentence: Sentence, citations: tuple[Citation, ...]) -> str:
    of_sentence = (citation for citation in citations if citation.answer_start == sentence.start)
    return "\n".join(dict.fromkeys(citation.chunk.text for citation in of_sentence))
