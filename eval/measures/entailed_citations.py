"""Citation recall and precision by entailment, as ALCE defines them (Gao et al. 2023, arXiv:2305.14627).

A sentence of an answer is supported when the passages that it cites, together, entail it. *Recall* is the
share of supported sentences among all; one without a citation is not supported. *Precision* is the share of
citations that a supported sentence needs: the passage entails it alone, or the others without it do not. A
passage entails a sentence from a probability of .5 on. Both are over the answers given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from eval.measures.measure import Measure
from eval.metrics.citations import cited_in
from eval.metrics.correctness import given_answer
from eval.metrics.normal_form import without_markers
from eval.runs.record import AnswerRecord, CaseRecord
from service.grounding.cite import answer_sentences
from service.grounding.entailment import Entailment

_ENTAILED = 0.5


@dataclass(frozen=True, slots=True)
class _Statement:
    """A sentence of the answer of a record, without markers, and the texts of the passages it cites."""

    row: int
    text: str
    passages: tuple[str, ...]

    def premises(self) -> Iterator[tuple[str, ...]]:
        """All passages together, each alone, and all but each: what there is to ask."""
        if self.passages:
            yield self.passages
        if len(self.passages) > 1:
            for place, passage in enumerate(self.passages):
                yield (passage,)
                yield self.without(place)

    def without(self, place: int) -> tuple[str, ...]:
        return self.passages[:place] + self.passages[place + 1 :]


def entailed_citation_measures(
    records: Sequence[CaseRecord], entailment: Entailment
) -> tuple[Measure, Measure]:
    """``nli_citation_recall`` and ``nli_citation_precision``; see above.

    Raises:
        EntailmentError: the model failed.
    """
    statements = [each for row, record in enumerate(records) for each in _statements(row, record)]
    entailed = _entailed(statements, entailment)
    sentences, supported, citations, needed = np.zeros((4, len(records)))
    for each in statements:
        sentences[each.row] += 1
        citations[each.row] += len(each.passages)
        if (each.passages, each.text) not in entailed:
            continue
        supported[each.row] += 1
        needed[each.row] += sum(
            ((passage,), each.text) in entailed or (each.without(place), each.text) not in entailed
            for place, passage in enumerate(each.passages)
        )
    return (
        Measure("nli_citation_recall", supported, sentences),
        Measure("nli_citation_precision", needed, citations),
    )


def _statements(row: int, record: CaseRecord) -> Iterator[_Statement]:
    answer = given_answer(record)
    if answer is None:
        return
    for start, end in answer_sentences(answer.text):
        text = without_markers(answer.text[start:end]).strip()
        yield _Statement(row, text, _cited_passages(answer, start, end))


def _cited_passages(answer: AnswerRecord, start: int, end: int) -> tuple[str, ...]:
    texts = {passage.marker: passage.text for passage in answer.passages}
    cited = cited_in(answer, start, end)
    return tuple({one.marker: texts.get(one.marker, one.quote) for one in cited}.values())


def _entailed(statements: Sequence[_Statement], entailment: Entailment) -> set[tuple[tuple[str, ...], str]]:
    """The pairs of premises and hypothesis that are entailed, each asked once."""
    pairs = list(dict.fromkeys((premise, each.text) for each in statements for premise in each.premises()))
    shares = entailment.probabilities(
        ["\n".join(premise) for premise, _ in pairs], [text for _, text in pairs]
    )
    return {pair for pair, share in zip(pairs, shares, strict=True) if share >= _ENTAILED}
