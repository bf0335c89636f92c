"""Citations of an answer, counted: those that are exact, right, or hold a reference, and sentences without.

The counts are the numerators and denominators of precision and recall as ALCE defines them for citations
(Gao et al. 2023, arXiv:2305.14627), judged by gold places and quotes in place of a model;
``eval.measures.entailed_citations`` judges them by a model.
"""

from __future__ import annotations

from itertools import chain

from eval.metrics.correctness import given_answer
from eval.metrics.words import contains_answer
from eval.runs.record import AnswerRecord, CaseRecord, CitationRecord
from service.grounding.cite import answer_sentences


def citations_of(record: CaseRecord) -> tuple[CitationRecord, ...]:
    """The citations of the record's answer; none where the case failed."""
    return () if record.answer is None else record.answer.citations


def judged_citations(record: CaseRecord) -> int:
    """How many citations the case can judge: it is answerable and says where its answer is."""
    return sum(one.right is not None for one in citations_of(record)) if record.case.answerable else 0


def right_citations(record: CaseRecord) -> int:
    """How many citations lead to where the case says that the answer is."""
    return sum(one.right is True for one in citations_of(record))


def knows_source(record: CaseRecord) -> bool:
    """Whether the case is answerable and says where its answer is, by place or by passage.

    What the passages of an oracle run are worth is read off the answer, so a case of such a run that failed
    counts only where it names a document, too.
    """
    if not record.case.answerable:
        return False
    passages = () if record.answer is None else record.answer.passages
    return bool(record.case.relevant) or any(passage.relevant is not None for passage in passages)


def holding_citations(record: CaseRecord) -> int:
    """How many citations quote words that hold a reference, or one of a part of it (``contains_answer``)."""
    references = [*record.case.answers, *chain.from_iterable(record.case.parts)]
    return sum(contains_answer(one.quote, references) > 0 for one in citations_of(record))


def sentence_count(record: CaseRecord) -> int:
    """How many sentences the answer given has; 0 without one."""
    answer = given_answer(record)
    return 0 if answer is None else len(answer_sentences(answer.text))


def unsupported_sentences(record: CaseRecord) -> int:
    """How many sentences of the answer given have no citation whose quote bears them out."""
    answer = given_answer(record)
    if answer is None:
        return 0
    spans = answer_sentences(answer.text)
    return sum(not any(one.supported for one in cited_in(answer, *span)) for span in spans)


def cited_in(answer: AnswerRecord, start: int, end: int) -> list[CitationRecord]:
    """The citations whose span in the answer overlaps ``[start, end)``."""
    return [one for one in answer.citations if one.answer_start < end and start < one.answer_end]
