"""Find the settings that do best on a collection's own cases, and what finding them so is worth.

measure the current settings -> search with all cases -> search without each fold -> compare
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from eval.progress import progress_bar
from eval.retrieval.fit import FOLDS
from eval.statistics.intervals import Interval
from eval.statistics.significance import gain_interval
from eval.tuning.objective import Measured, Objective
from eval.tuning.objective_name import ObjectiveName
from eval.tuning.recut import drop_recut, recut
from eval.tuning.results import Results
from eval.tuning.search import Limits, cross_validate
from eval.tuning.space import (
    Axis,
    Candidate,
    Space,
    Value,
    chunking_axis,
    context_axes,
    retrieval_axes,
    value_of,
)
from ingest.chunking.chunk import ChunkingSpec
from ingest.embed import spec_from_settings
from ingest.errors import CollectionBusyError, UsageError
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from service.retrieval.retrieve import fitted_for, with_fitted
from service.wiring import open_pipeline


@dataclass(frozen=True, slots=True)
class Tuning:
    """How to search: for ``timeout_s`` seconds at most, keeping what was measured in ``folder``.

    With ``keep_index``, only settings that need no new index are tried.
    """

    folder: Path
    limits: Limits
    timeout_s: float | None = None
    keep_index: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate that was measured: its mean over all cases, and its 95th percentile of search times."""

    candidate: Candidate
    mean: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that the best settings have otherwise than those in use."""

    key: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of a search; ``trials`` are all that were measured, the current settings first.

    ``changes`` lead from what is set now to ``best``. ``out_of_fold`` is the mean of cases judged by settings
    that were chosen without them, ``difference`` the 95 % interval of its gain over the current settings.
    """

    collection: str
    labels: str
    objective: ObjectiveName
    limits: Limits
    cases: int
    current: Trial
    best: Trial
    changes: tuple[Change, ...]
    out_of_fold: float
    difference: Interval
    trials: tuple[Trial, ...]
    seconds: float

    @property
    def is_within_limit(self) -> bool:
        """Whether the best settings keep the limit of latency; where none do, they are the fastest."""
        return self.limits.p95_ms is None or self.best.p95_ms <= self.limits.p95_ms

    @property
    def helps(self) -> bool:
        """Whether it is established that tuning is better: a gain that may be chance is none."""
        return self.difference.low > 0 and self.best != self.current and self.is_within_limit


def tune_settings(settings: Settings, objective: Objective, tuning: Tuning) -> Tuned:
    """Search, and delete the indexes that were made for it. One that was interrupted goes on where it ended.

    Raises:
        CasesError: there are fewer than 20 cases to go by.
        UsageError: the collection is not as the settings say, or cannot be cut in other ways.
        CollectionBusyError: the collection was written to meanwhile.
        CollectionNotFoundError, SnapshotCorruptError, ModelNotFoundError, SettingsError
    """
    started = time.monotonic()
    with closing(open_snapshot(settings.home, objective.collection, settings.store)) as snapshot:
        _require_as_set(settings, snapshot)
        fitted = with_fitted(settings.retrieval, fitted_for(snapshot))
        base = settings.model_copy(update={"retrieval": fitted})
        axes = _axes(base, objective.name, None if tuning.keep_index else snapshot.manifest.embedder.window)
        path = tuning.folder / f"results-{_fingerprint(base, snapshot, objective)}.jsonl"
    space = Space(tuple(axes))
    tuning.folder.mkdir(parents=True, exist_ok=True)

    def measure(candidate: Candidate) -> Measured:
        found = _measure(candidate.applied(base), objective)
        _require_current(settings, snapshot)
        return found

    results = Results(path, measure, tuning.timeout_s)
    current = space.at(next(space.starts()))
    before = results.measured(current).values
    with progress_bar(f"{objective.labels} tune", tuning.limits.trials * (FOLDS + 1)) as progress:
        best, chosen = cross_validate(space, results, objective.clusters, tuning.limits, progress)
    drop_recut(settings, objective.collection)
    return Tuned(
        collection=objective.collection,
        labels=objective.labels,
        objective=objective.name,
        limits=tuning.limits,
        cases=len(before),
        current=_trial(current, results),
        best=_trial(best, results),
        changes=tuple(_changes(current, best, settings)),
        out_of_fold=float(chosen.mean()),
        difference=gain_interval(chosen - before, objective.clusters),
        trials=tuple(_trial(candidate, results) for candidate in results.met),
        seconds=time.monotonic() - started,
    )


def _measure(settings: Settings, objective: Objective) -> Measured:
    index = recut(settings, objective.collection)

    async def run() -> Measured:
        pipeline = await open_pipeline(settings, index)
        try:
            return await objective.measure(pipeline)
        finally:
            await pipeline.aclose()

    return asyncio.run(run())


def _axes(settings: Settings, objective: ObjectiveName, window: int | None) -> Iterator[Axis]:
    """What can change the objective. The order of documents does not depend on how much of them is read."""
    if window is not None:
        yield chunking_axis(settings.chunking, window)
    yield from retrieval_axes(settings)
    if objective is ObjectiveName.F1:
        yield from context_axes(settings)


def _changes(current: Candidate, best: Candidate, settings: Settings) -> Iterator[Change]:
    """What has to be set. What was fitted for the collection is in use for the index it has now alone, so it
    has to be set where the best settings keep it."""
    for (key, before), (_, after) in zip(current.values, best.values, strict=True):
        if not before == after == value_of(settings, key):
            yield Change(key, before, after)


def _trial(candidate: Candidate, results: Results) -> Trial:
    found = results.measured(candidate)
    return Trial(candidate, float(found.values.mean()), found.p95_ms)


def _require_as_set(settings: Settings, snapshot: Snapshot) -> None:
    """Otherwise the settings that are compared with are not what is served."""
    manifest = snapshot.manifest
    wanted = spec_from_settings(settings.embedder), ChunkingSpec.from_settings(settings.chunking)
    if (manifest.embedder, manifest.chunking) != wanted:
        raise UsageError(
            f"the collection {manifest.collection!r} was made with another embedder or chunking than the "
            "settings name: bring it up to date with `troika ingest` first."
        )


def _require_current(settings: Settings, snapshot: Snapshot) -> None:
    """Otherwise what was measured before and after is not of the same documents."""
    name = snapshot.manifest.collection
    if Collection(settings.home, name).current_id() != snapshot.id:
        raise CollectionBusyError(
            f"the collection {name!r} was written to while it was tuned: run it again when nothing writes."
        )


def _fingerprint(settings: Settings, snapshot: Snapshot, objective: Objective) -> str:
    """Tells results apart that were measured on other documents, cases or settings."""
    sections = {"embedder", "chunking", "dense", "retrieval", "rerank", "answer", "generator"}
    used = settings.model_dump_json(include=sections)
    parts = (snapshot.id, objective.name, objective.fingerprint, used)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
