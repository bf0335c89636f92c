"""From records to figures: what is counted over which cases of an answer run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.measures.measure import Direction, Measure
from eval.metrics.citations import (
    citations_of,
    holding_citations,
    judged_citations,
    knows_source,
    right_citations,
    sentence_count,
    unsupported_sentences,
)
from eval.metrics.correctness import given_answer, has_references, says_answer, score
from eval.metrics.cost import answer_characters, completion_tokens, prompt_tokens
from eval.metrics.numbers import is_quantity, numeric_match
from eval.metrics.retrieval import ndcg_of_ranks
from eval.metrics.robustness import (
    Ability,
    concerns,
    detects_error,
    knows_claim,
    noise_level,
    repeats_error,
)
from eval.metrics.words import chrf, cmrc_f1, exact_match, rouge_l, token_f1
from eval.runs.record import CaseRecord

DOCUMENT_RANKS = 5
RANKS = 10


def answer_measures(records: Sequence[CaseRecord]) -> tuple[Measure, ...]:
    """All figures of an answer run that are ratios over cases, in a fixed order.

    A case that failed is unanswered: it counts as 0 among the answerable cases (words) and among the
    unanswerable ones (``refusal_recall``), for an error tells nobody that there is no answer, and not at
    all where answers or refusals are the whole.
    """
    rate = _Rates(records)
    return (
        *_word_measures(rate),
        *_refusal_measures(rate),
        *_citation_measures(rate),
        *_robustness_measures(rate),
        *_effort_measures(rate),
    )


@dataclass(frozen=True, slots=True)
class _Rates:
    """Makes measures over one list of records; a numerator counts only where its denominator does."""

    records: Sequence[CaseRecord]

    def __call__(
        self,
        name: str,
        numerator: Callable[[CaseRecord], float],
        denominator: Callable[[CaseRecord], float],
        direction: Direction = Direction.HIGHER,
    ) -> Measure:
        below = [float(denominator(record)) for record in self.records]
        above = [
            float(numerator(record)) if weight > 0 else 0.0
            for record, weight in zip(self.records, below, strict=True)
        ]
        return Measure(name, np.array(above), np.array(below), direction)


def _word_measures(rate: _Rates) -> Iterable[Measure]:
    """Means over the answerable cases with a reference, where no answer scores 0; the last two over some.

    ``answer_contains`` asks for each part of an answer that has several. ``numeric_match`` is over the
    cases with a reference that is a quantity, ``cmrc_f1`` over those in Chinese.
    """
    yield rate("em", lambda r: score(r, exact_match), _answerable_by_words)
    yield rate("f1", lambda r: score(r, token_f1), _answerable_by_words)
    yield rate("answer_contains", says_answer, _answerable_by_words)
    yield rate("rouge_l", lambda r: score(r, rouge_l), _answerable_by_words)
    yield rate("chrf", lambda r: score(r, chrf), _answerable_by_words)
    yield rate(
        "numeric_match",
        lambda r: score(r, numeric_match),
        lambda r: _answerable_by_words(r) and any(map(is_quantity, r.case.answers)),
    )
    yield rate(
        "cmrc_f1",
        lambda r: score(r, cmrc_f1),
        lambda r: _answerable_by_words(r) and r.case.language.startswith("zh"),
    )


def _refusal_measures(rate: _Rates) -> Iterable[Measure]:
    """A refusal of an unanswerable case is a true positive.

    ``refusal_precision`` = right refusals / refusals, ``refusal_recall`` = right refusals / unanswerable
    cases, ``refusal_f1`` = 2 · right refusals / (refusals + unanswerable cases), their harmonic mean;
    ``false_refusal_rate`` = refused / answerable cases.
    """
    yield rate("refusal_precision", _unanswerable, _refused)
    yield rate("refusal_recall", _refused, _unanswerable)
    yield rate(
        "refusal_f1",
        lambda r: 2.0 * (_refused(r) and _unanswerable(r)),
        lambda r: _refused(r) + _unanswerable(r),
    )
    yield rate("false_refusal_rate", _refused, _answerable, Direction.LOWER)


def _citation_measures(rate: _Rates) -> Iterable[Measure]:
    """Over citations, sentences and answers given.

    ``cited``: the share of answers with any citation. ``citation_validity``: of citations whose quote is
    exact. ``citation_precision``: of those whose right place is known, the share that leads there;
    ``citation_recall``: of answerable cases of known source, the share with such a citation.
    ``quote_precision`` and ``quote_recall``: the same over the cases with a reference, by whether the quote
    holds one. ``groundedness``: the mean share of supported sentences of an answer;
    ``unsupported_sentence_rate``: the share of all sentences that have no supporting quote.
    ``document_in_top_5``: the share of cases that expect a document where the search found it among its
    first 5 hits; ``document_ndcg@10``: nDCG of the expected documents among those of its first 10 hits.
    """
    yield rate("cited", lambda r: bool(citations_of(r)), _given)
    yield rate(
        "citation_validity", lambda r: sum(c.exact for c in citations_of(r)), lambda r: len(citations_of(r))
    )
    yield rate("citation_precision", right_citations, judged_citations)
    yield rate("citation_recall", lambda r: right_citations(r) > 0, knows_source)
    yield rate(
        "quote_precision",
        holding_citations,
        lambda r: len(citations_of(r)) if _answerable_by_words(r) else 0,
    )
    yield rate("quote_recall", lambda r: holding_citations(r) > 0, _answerable_by_words)
    yield rate("groundedness", lambda r: r.answer.groundedness if r.answer else 0.0, _given)
    yield rate("unsupported_sentence_rate", unsupported_sentences, sentence_count, Direction.LOWER)
    yield rate(
        "document_in_top_5",
        lambda r: 1 <= (r.found_at or 0) <= DOCUMENT_RANKS,
        lambda r: r.found_at is not None,
    )
    yield rate(
        "document_ndcg@10", lambda r: ndcg_of_ranks(r.ranks or (), RANKS), lambda r: r.ranks is not None
    )


def _robustness_measures(rate: _Rates) -> Iterable[Measure]:
    """RGB's abilities as ``eval.metrics.robustness`` defines them, for those that a case is tagged with."""
    levels = sorted({level for record in rate.records if (level := noise_level(record)) is not None})
    for level in levels:
        yield rate(f"noise_robustness@{level}", says_answer, lambda r, level=level: noise_level(r) == level)

    def about(ability: Ability) -> Callable[[CaseRecord], bool]:
        return lambda record: concerns(record, ability)

    altered = about(Ability.COUNTERFACTUAL)
    found = (
        rate("negative_rejection", _refused, about(Ability.REJECTION)),
        rate("information_integration", says_answer, about(Ability.INTEGRATION)),
        rate("counterfactual_accuracy", says_answer, altered),
        rate("error_detection", detects_error, altered),
        rate("error_correction", says_answer, lambda r: altered(r) and detects_error(r)),
        rate("error_repetition", repeats_error, knows_claim, Direction.LOWER),
    )
    yield from (measure for measure in found if measure.denominators.any())


def _effort_measures(rate: _Rates) -> Iterable[Measure]:
    """``degraded``: the share of all answers that were made in a simpler way than configured; ``failed``: of
    the cases that ended in an error; characters per answer given, and tokens per case that did not fail."""
    yield rate("degraded", lambda r: bool(r.answer and r.answer.degraded), _ended, Direction.LOWER)
    yield rate("failed", lambda r: not _ended(r), lambda _: True, Direction.LOWER)
    yield rate("answer_characters", answer_characters, _given, Direction.NEITHER)
    yield rate("prompt_tokens", prompt_tokens, _ended, Direction.LOWER)
    yield rate("completion_tokens", completion_tokens, _ended, Direction.LOWER)


def _answerable(record: CaseRecord) -> bool:
    return record.case.answerable


def _answerable_by_words(record: CaseRecord) -> bool:
    return record.case.answerable and has_references(record)


def _unanswerable(record: CaseRecord) -> bool:
    return not record.case.answerable


def _ended(record: CaseRecord) -> bool:
    return record.answer is not None


def _given(record: CaseRecord) -> bool:
    return given_answer(record) is not None


def _refused(record: CaseRecord) -> bool:
    return record.answer is not None and record.answer.abstained
