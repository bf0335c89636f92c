"""Search for the best settings with Optuna's TPE, and judge the search by cases that it did not see.

The figure that counts is out of fold: the same search is run once for each fold without its cases, which are
then judged by what it chose. A single search whose choice alone leaves a fold out would not do, for its
trials went where all cases, those of the fold too, had them go.

TPE: Bergstra et al., Algorithms for Hyper-Parameter Optimization, 2011. The first half of the trials is the
same whatever the cases say, and so measured once: the current settings, every other index with the rest as
it is, and random draws. The other half is where TPE expects the most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import optuna

from eval.progress import nothing
from eval.retrieval.fit import FOLDS, folds_of
from eval.tuning.objective import FloatArray, IntArray, Measured
from eval.tuning.space import Axis, Candidate, Space

_SEED = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many trials one search has, and the 95th percentile of search times that is allowed, in ms."""

    trials: int
    p95_ms: float | None

    def excess_ms(self, found: Measured) -> float:
        """How far above the limit a search takes; 0 within it."""
        return 0.0 if self.p95_ms is None else max(0.0, found.p95_ms - self.p95_ms)


class Measure(Protocol):
    """Gives what came of a candidate."""

    def measured(self, candidate: Candidate) -> Measured: ...

    def in_time(self, candidate: Candidate) -> Measured | None:
        """None when there is no time left, which it may not say of the current settings."""
        ...


def cross_validate(
    space: Space, measure: Measure, clusters: IntArray, limits: Limits, progress: Callable[[], None] = nothing
) -> tuple[Candidate, FloatArray]:
    """The best settings by all cases, and the value of each case under those chosen without its fold.

    Args:
        clusters: a number from 0 for each case; those of one cluster are in one fold. Shape (cases,).

    Returns:
        The values have the shape (cases,).

    Raises:
        CasesError: there are fewer clusters than folds.
    """
    folds = folds_of(clusters)
    best = _search(space, measure, folds >= 0, limits, progress)
    values = np.empty(len(folds))
    for fold in range(FOLDS):
        inside = folds == fold
        chosen = _search(space, measure, ~inside, limits, progress)
        values[inside] = measure.measured(chosen).values[inside]
    return best, values


def _search(
    space: Space,
    measure: Measure,
    inside: npt.NDArray[np.bool_],
    limits: Limits,
    progress: Callable[[], None],
) -> Candidate:
    """The candidate of the best mean over the cases ``inside``, of those within the limit of latency.

    Where none is, the fastest. Of two that are as good, the one that was tried earlier.
    """
    study = _study(space, limits.trials)
    tried: dict[Candidate, tuple[float, float]] = {}
    for _ in range(limits.trials):
        trial = study.ask()
        candidate = space.at({axis.name: _place(trial, axis) for axis in space.axes})
        found = measure.in_time(candidate)
        if found is None:
            break
        mean, excess = float(found.values[inside].mean()), limits.excess_ms(found)
        tried.setdefault(candidate, (-excess, mean))
        trial.set_constraint("latency", excess)
        study.tell(trial, mean)
        progress()
    return max(tried, key=tried.__getitem__)


def _study(space: Space, trials: int) -> optuna.Study:
    starts = list(space.starts())
    sampler = optuna.samplers.TPESampler(seed=_SEED, n_startup_trials=max(len(starts), trials // 2))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for start in starts:
        study.enqueue_trial(start)
    return study


def _place(trial: optuna.Trial, axis: Axis) -> int:
    if axis.is_ordered:
        return trial.suggest_int(axis.name, 0, len(axis.options) - 1)
    return trial.suggest_categorical(axis.name, range(len(axis.options)))
