"""From outcomes to figures: each measure is a ratio of sums over cases, with its bootstrap interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.answer_metrics import contains_answer, exact_match, token_f1, without_markers
from eval.run import Outcome
from eval.significance import Interval, bootstrap_interval

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure sum(numerators) / sum(denominators), one pair per case, in the order of the cases."""

    name: str
    numerators: FloatArray
    denominators: FloatArray

    @property
    def value(self) -> float | None:
        """The figure; None when no case counts towards it."""
        total = float(self.denominators.sum())
        return float(self.numerators.sum()) / total if total > 0 else None

    @property
    def interval(self) -> Interval | None:
        """Its 95 % bootstrap interval; None when no case counts towards it."""
        if not self.denominators.any():
            return None
        return bootstrap_interval(self.numerators, self.denominators)

    def by_cluster(self, clusters: npt.NDArray[np.int64]) -> Measure:
        """The same measure with the cases of a cluster as one, so that an interval draws them together.

        Args:
            clusters: a number from 0 for each case.
        """
        return Measure(
            self.name,
            np.bincount(clusters, weights=self.numerators).astype(np.float64),
            np.bincount(clusters, weights=self.denominators).astype(np.float64),
        )

    def of(self, chosen: npt.NDArray[np.bool_]) -> Measure:
        """The same measure over some of the cases."""
        return Measure(self.name, self.numerators[chosen], self.denominators[chosen])


def mean_measure(name: str, values: FloatArray) -> Measure:
    """The mean of one value per case."""
    return Measure(name, values, np.ones_like(values))


def values_of(measures: Iterable[Measure]) -> dict[str, float | None]:
    """Each measure's figure by its name."""
    return {measure.name: measure.value for measure in measures}


def intervals_of(measures: Iterable[Measure]) -> dict[str, Interval | None]:
    """Each measure's interval by its name."""
    return {measure.name: measure.interval for measure in measures}


def answer_measures(outcomes: Sequence[Outcome]) -> tuple[Measure, ...]:
    """All figures of an answer run.

    ``em``, ``f1`` and ``answer_contains`` are over the answerable cases, where abstaining scores 0.
    Refusals: an answer that abstains on an unanswerable case is a true positive, so
    ``refusal_precision`` = right refusals / refusals, ``refusal_recall`` = right refusals / unanswerable
    cases, ``false_refusal_rate`` = refused / answerable cases. Citations: ``citation_validity`` is the
    share whose quote is exact; ``citation_precision`` the share, where the gold source is known, that
    leads to it; ``citation_recall`` the share of answerable cases of known source with such a citation;
    ``cited`` the share of given answers with any citation at all. ``degraded`` is the share of all answers
    that were made in a simpler way than configured.
    """
    rate = _Rates(outcomes)
    return (
        rate("em", lambda o: _words(o, exact_match), _answerable),
        rate("f1", lambda o: _words(o, token_f1), _answerable),
        rate("answer_contains", lambda o: _words(o, contains_answer), _answerable),
        rate("refusal_precision", lambda o: not o.case.answerable, lambda o: o.answer.abstained),
        rate("refusal_recall", lambda o: o.answer.abstained, lambda o: not o.case.answerable),
        rate("false_refusal_rate", lambda o: o.answer.abstained, _answerable),
        rate("cited", lambda o: len(o.citations) > 0, lambda o: not o.answer.abstained),
        rate("citation_validity", lambda o: sum(c.exact for c in o.citations), lambda o: len(o.citations)),
        rate("citation_precision", _right_citations, _judged_citations),
        rate("citation_recall", lambda o: _right_citations(o) > 0, _has_gold_source),
        rate("groundedness", lambda o: o.answer.groundedness, lambda o: not o.answer.abstained),
        rate("degraded", lambda o: o.answer.degraded is not None, lambda _: 1.0),
    )


def document_found_measure(outcomes: Sequence[Outcome]) -> Measure:
    """The share of the cases that expect a document where it is among the first 5 passages."""
    rate = _Rates(outcomes)
    return rate("document_in_top_5", lambda o: bool(o.document_found), lambda o: o.document_found is not None)


def by_language(languages: Sequence[str]) -> Mapping[str, npt.NDArray[np.bool_]]:
    """For each language, which of the cases are in it."""
    named = np.array(languages, dtype=object)
    return {language: np.asarray(named == language, dtype=np.bool_) for language in sorted(set(languages))}


@dataclass(frozen=True, slots=True)
class _Rates:
    """Makes measures over one list of outcomes; a numerator counts only where its denominator does."""

    outcomes: Sequence[Outcome]

    def __call__(
        self, name: str, numerator: Callable[[Outcome], float], denominator: Callable[[Outcome], float]
    ) -> Measure:
        below = [float(denominator(outcome)) for outcome in self.outcomes]
        above = [
            float(numerator(outcome)) if weight > 0 else 0.0
            for outcome, weight in zip(self.outcomes, below, strict=True)
        ]
        return Measure(name, np.array(above), np.array(below))


def _answerable(outcome: Outcome) -> bool:
    return outcome.case.answerable


def _words(outcome: Outcome, metric: Callable[[str, Sequence[str]], float]) -> float:
    if outcome.answer.abstained:
        return 0.0
    return metric(without_markers(outcome.answer.text), outcome.case.answers)


def _judged_citations(outcome: Outcome) -> int:
    return sum(check.right is not None for check in outcome.citations) if outcome.case.answerable else 0


def _right_citations(outcome: Outcome) -> int:
    return sum(check.right is True for check in outcome.citations)


def _has_gold_source(outcome: Outcome) -> bool:
    return outcome.case.answerable and outcome.source_known
