"""Fit what a quote's score is made from, and measure it on data sets that the weights were not fitted on.

``troika eval support`` made the constants in ``service.grounding.support``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.table import Table

from eval.answering.in_process import whole_chunk
from eval.metrics.confidence import auroc
from eval.statistics.logistic import fit_logistic, probabilities
from eval.support.claims import Change, claims_of
from ingest.errors import CasesError
from ingest.words.terms import content_terms
from service.abstention.logistic import Logistic
from service.grounding.nearness import Nearness
from service.grounding.support import SUPPORT_THRESHOLD, Grounding

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_CHINESE = "zh"
_WORDS_ALONE = 2
"""The first features of a quote are the shares of words in common, which the others are measured against."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The claims of a data set as the service sees them: the features of each best quote, by claim."""

    name: str
    language: str
    features: FloatArray
    changes: tuple[Change, ...]

    @property
    def supported(self) -> BoolArray:
        return np.array([change is Change.NOTHING for change in self.changes])


@dataclass(frozen=True, slots=True)
class SupportFigures:
    """How well the claims of a data set are told apart by weights fitted on the others of its language.

    ``accuracy`` counts both sides the same. ``accepted`` is the share of claims taken for borne out, by what
    was changed in them.
    """

    name: str
    claims: int
    auroc_words: float
    auroc: float
    accuracy_words: float
    accuracy: float
    accepted: dict[Change, float]


@dataclass(frozen=True, slots=True)
class SupportFit:
    """The figures of each data set, and the weights over all of a language: of Chinese, and of the others."""

    figures: tuple[SupportFigures, ...]
    weights: dict[str, Logistic]

    def to_json(self) -> dict[str, object]:
        """The form that ``troika eval support --json`` prints."""
        return {
            "sets": [
                {
                    "name": one.name,
                    "claims": one.claims,
                    "auroc": {"words": round(one.auroc_words, 4), "all": round(one.auroc, 4)},
                    "accuracy": {"words": round(one.accuracy_words, 4), "all": round(one.accuracy, 4)},
                    "accepted": {change.value: round(share, 4) for change, share in one.accepted.items()},
                }
                for one in self.figures
            ],
            "weights": {
                language: [model.intercept, *model.weights] for language, model in self.weights.items()
            },
        }


def fit_support(folders: Sequence[Path], limit: int, nearness: Nearness | None = None) -> SupportFit:
    """Fit at most ``limit`` cases of each data set, all of whose languages ``nearness`` can compare.

    Raises:
        CasesError: a folder does not have the documented form, or is the only one of its language.
    """
    judged = [_judge(folder, limit, nearness) for folder in folders]
    return SupportFit(
        tuple(_measure(one, [other for other in _alike(one, judged) if other is not one]) for one in judged),
        {one.language: _fit(_alike(one, judged)) for one in judged},
    )


def support_table(fit: SupportFit) -> Table:
    """The figures for a person at a terminal."""
    table = Table("set", "claims", "AUROC words", "AUROC all", "accuracy words", "accuracy all", *Change)
    for one in fit.figures:
        numbers = (one.auroc_words, one.auroc, one.accuracy_words, one.accuracy)
        accepted = (one.accepted.get(change, float("nan")) for change in Change)
        table.add_row(one.name, str(one.claims), *(f"{number:.3f}" for number in (*numbers, *accepted)))
    return table


def _alike(one: Judged, judged: Sequence[Judged]) -> list[Judged]:
    return [other for other in judged if other.language == one.language]


def _judge(folder: Path, limit: int, nearness: Nearness | None) -> Judged:
    dataset, claims = claims_of(folder, limit)
    if not claims:
        raise CasesError(f"{folder} gives no claim: choose a data set whose answers stand in its passages.")
    texts = [f"{document.title}\n{document.text}" for document in dataset.documents()]
    frequencies = Counter(term for text in texts for term in set(content_terms(text)))
    grounding = Grounding(frequencies.__getitem__, len(texts), nearness)
    features: list[tuple[float, ...]] = []
    changes: list[Change] = []
    for claim in claims:
        shown = claim.passage
        chunk = whole_chunk(shown.id, shown.title, shown.text, shown.language)
        quote = grounding.best_quote(claim.text, [chunk])
        if quote is not None:
            features.append(quote.features)
            changes.append(claim.change)
    language = _CHINESE if claims[0].language.startswith(_CHINESE) else "others"
    return Judged(dataset.name, language, np.array(features), tuple(changes))


def _fit(sets: Sequence[Judged], columns: int | None = None) -> Logistic:
    if not sets:
        raise CasesError(
            "the weights of a language are judged on another data set: give two of each at least."
        )
    features = np.concatenate([one.features[:, :columns] for one in sets])
    return fit_logistic(features, np.concatenate([one.supported for one in sets]), balanced=True)


def _measure(one: Judged, others: Sequence[Judged]) -> SupportFigures:
    words = probabilities(_fit(others, _WORDS_ALONE), one.features[:, :_WORDS_ALONE])
    scores = probabilities(_fit(others), one.features)
    changes = np.array(one.changes)
    return SupportFigures(
        name=one.name,
        claims=len(changes),
        auroc_words=_auroc(words, one.supported),
        auroc=_auroc(scores, one.supported),
        accuracy_words=_accuracy(words, one.supported),
        accuracy=_accuracy(scores, one.supported),
        accepted={
            change: float((scores[changes == change] >= SUPPORT_THRESHOLD).mean())
            for change in Change
            if (changes == change).any()
        },
    )


def _auroc(scores: FloatArray, positive: BoolArray) -> float:
    return float(auroc(scores, positive, np.ones((1, len(scores))))[0])


def _accuracy(scores: FloatArray, positive: BoolArray) -> float:
    right = (scores >= SUPPORT_THRESHOLD) == positive
    return float((right[positive].mean() + right[~positive].mean()) / 2)
