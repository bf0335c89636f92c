"""Fit when to answer, and see on cases held out what it is worth.

answers -> halves -> a score from one, a threshold from the other -> kept for the collection and its release
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.abstention.collect import Answers, BoolArray, FloatArray, Target, collect_answers
from eval.abstention.guarantee import CONFIDENCE, safe_threshold, upper_bound
from eval.cases.case import Case
from eval.metrics.confidence import aurc, auroc
from eval.retrieval.fit import FOLDS, folds_of
from eval.statistics.logistic import fit_logistic, probabilities
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from service.abstention.fitted import FittedAbstention, write_abstention
from service.abstention.logistic import Logistic
from service.abstention.signals import SIGNALS
from service.prompt import PROMPT_ID


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a way to refuse comes to on cases held out.

    ``coverage`` is the share of cases that are answered, ``wrong`` that of wrong answers among them, with
    its bound. ``auroc`` and ``aurc`` are of its score: right answers from wrong ones (``eval.metrics``).
    ``refused_unanswerable`` and ``refused_answerable`` are shares of these cases.
    """

    coverage: float
    wrong: float
    wrong_bound: float
    auroc: float
    aurc: float
    refused_unanswerable: float
    refused_answerable: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fit: before (by evidence alone) and after it, and with as many false refusals as before.

    ``fitted`` is None where no threshold keeps the promise; then nothing is kept.
    """

    target: Target
    cases: int
    max_wrong: float
    before: Outcome
    after: Outcome
    at_same_refusals: Outcome
    fitted: FittedAbstention | None

    def to_json(self) -> dict[str, object]:
        """The form that ``troika eval calibrate --json`` prints."""
        fitted = self.fitted
        outcomes = {"before": self.before, "after": self.after, "at_same_refusals": self.at_same_refusals}
        found: dict[str, object] = {
            "collection": self.target.collection,
            "release": self.target.release,
            "cases": self.cases,
            "max_wrong": self.max_wrong,
            "confidence": CONFIDENCE,
            "threshold": None if fitted is None else fitted.threshold,
            "weights": None if fitted is None else dict(zip(SIGNALS, fitted.model.weights, strict=True)),
            "kept": fitted is not None,
        }
        return found | {
            name: {key: round(getattr(outcome, key), 4) for key in Outcome.__slots__}
            for name, outcome in outcomes.items()
        }


def calibrate(
    settings: Settings, cases: Sequence[Case], max_wrong: float, *, oracle: bool, release: str | None
) -> Calibration:
    """Fit the collection of the settings to ``cases``, and keep what was found for it.

    Raises:
        CasesError: the cases are too few, or about too few documents.
        TroikaError: as ``service.wiring.open_pipeline``.
    """
    answers, target = collect_answers(settings, cases, oracle=oracle, release=release)
    found = _calibration(answers, target, max_wrong, settings.answer.min_evidence)
    if found.fitted is not None:
        folder = Collection(settings.home, target.collection).directory
        write_abstention(folder, target.release, found.fitted)
    return found


def _calibration(answers: Answers, target: Target, max_wrong: float, min_evidence: float) -> Calibration:
    scores, shown = _held_out(answers, max_wrong)
    shown_before = answers.evidence >= min_evidence
    after = _outcome(answers, scores, shown)
    fit = _fit(answers, _half(answers), max_wrong)
    return Calibration(
        target=target,
        cases=len(answers),
        max_wrong=max_wrong,
        before=_outcome(answers, answers.evidence, shown_before),
        after=after,
        at_same_refusals=_outcome(answers, scores, _refusing_as_often(answers, scores, shown_before)),
        fitted=None
        if fit.threshold is None
        else FittedAbstention(
            index=target.index,
            prompt_id=PROMPT_ID,
            signals=SIGNALS,
            model=fit.model,
            threshold=fit.threshold,
            max_wrong=max_wrong,
            confidence=CONFIDENCE,
            cases=len(answers),
            coverage=round(after.coverage, 4),
            wrong=round(after.wrong, 4),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    model: Logistic
    threshold: float | None


def _fit(answers: Answers, first: BoolArray, max_wrong: float) -> _Fit:
    """A score from the ``first`` half of the answers given, a threshold from the second."""
    made, tested = answers.of(first & answers.given), answers.of(~first & answers.given)
    model = _model(made)
    threshold = safe_threshold(
        probabilities(model, tested.signals),
        ~tested.right,
        probabilities(model, made.signals),
        ~made.right,
        max_wrong,
    )
    return _Fit(model, threshold)


def _model(made: Answers) -> Logistic:
    """From all signals, or from evidence alone where that tells right answers better on cases held out."""
    folds = folds_of(made.clusters)
    scores = np.zeros((2, len(made)))
    for fold in range(FOLDS):
        held, others = folds == fold, made.of(folds != fold)
        for row, signals in enumerate((others.signals, _evidence_alone(others))):
            model = fit_logistic(signals, others.right, balanced=False)
            scores[row, held] = probabilities(model, made.signals[held])
    counts = np.ones((1, len(made)))
    by_all, by_evidence = (float(auroc(score, made.right, counts)[0]) for score in scores)
    signals = made.signals if by_all > by_evidence else _evidence_alone(made)
    return fit_logistic(signals, made.right, balanced=False)


def _evidence_alone(answers: Answers) -> FloatArray:
    """The signals with all but the first set to 0, which then weigh nothing."""
    kept = np.zeros_like(answers.signals)
    evidence = SIGNALS.index("evidence")
    kept[:, evidence] = answers.signals[:, evidence]
    return kept


def _held_out(answers: Answers, max_wrong: float) -> tuple[FloatArray, BoolArray]:
    """The score of each case and whether it is answered, by fits to the cases of the other folds."""
    folds = folds_of(answers.clusters)
    scores, shown = np.zeros(len(answers)), np.zeros(len(answers), dtype=np.bool_)
    for fold in range(FOLDS):
        held = folds == fold
        others = answers.of(~held)
        fit = _fit(others, _half(others), max_wrong)
        scores[held] = probabilities(fit.model, answers.signals[held])
        shown[held] = fit.threshold is not None and scores[held] >= fit.threshold
    return scores, shown


def _half(answers: Answers) -> BoolArray:
    """Half of the clusters, drawn by chance, always the same ones."""
    order = np.random.default_rng(0).permutation(int(answers.clusters.max()) + 1)
    return order[answers.clusters] % 2 == 0


def _refusing_as_often(answers: Answers, scores: FloatArray, before: BoolArray) -> BoolArray:
    """Which cases are answered by ``scores`` when as many answerable ones are refused as ``before``."""
    asked = np.sort(scores[answers.answerable])
    refused = int((~before[answers.answerable]).sum())
    return scores >= (asked[refused] if refused < len(asked) else np.inf)


def _outcome(answers: Answers, scores: FloatArray, shown: BoolArray) -> Outcome:
    shown = shown & answers.given
    wrong = int((shown & ~answers.right).sum())
    given = answers.of(answers.given)
    counts = np.ones((1, len(given)))
    return Outcome(
        coverage=float(shown.mean()),
        wrong=wrong / shown.sum() if shown.any() else 0.0,
        wrong_bound=upper_bound(wrong, int(shown.sum())),
        auroc=float(auroc(scores[answers.given], given.right, counts)[0]),
        aurc=float(aurc(scores[answers.given], ~given.right, counts)[0]),
        refused_unanswerable=_share(~shown[~answers.answerable]),
        refused_answerable=_share(~shown[answers.answerable]),
    )


def _share(rows: BoolArray) -> float:
    return float(rows.mean()) if rows.size else float("nan")
