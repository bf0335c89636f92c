"""Fit a collection to labelled queries and keep what was found where it helps."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from eval.progress import progress_bar
from eval.retrieval.fit import Fit, fit_fusion
from eval.retrieval.labels import Labels, case_labels, dataset_labels
from ingest.embed import load_embedder
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.fitted import FittedRetrieval, index_fingerprint, write_fitted
from ingest.snapshots.snapshot import open_snapshot
from service.retrieval.retrieve import Retriever


@dataclass(frozen=True, slots=True)
class FitReport:
    """A fit of ``collection`` to the queries of ``labels``; ``kept`` tells whether it is used from now on."""

    collection: str
    labels: str
    fit: Fit
    kept: bool

    def to_json(self) -> dict[str, object]:
        """The form that ``troika eval retrieval --fit --json`` prints."""
        fit = self.fit
        return {
            "collection": self.collection,
            "labels": self.labels,
            "queries": fit.queries,
            "dense_weight": fit.best.dense_weight,
            "depth": fit.best.depth,
            "ndcg@10": {"default": round(fit.ndcg_default, 6), "fitted": round(fit.ndcg_fitted, 6)},
            "difference": [round(fit.difference.low, 6), round(fit.difference.high, 6)],
            "kept": self.kept,
        }


def fit_dataset(settings: Settings, folder: Path, limit: int | None) -> FitReport:
    """Fit the collection of a data set; see ``dataset_labels``.

    Raises:
        CasesError: the folder holds no data set in the BEIR layout, or too few queries.
    """
    return _fit(settings, dataset_labels(settings, folder, limit))


def fit_cases(settings: Settings, path: Path, limit: int | None) -> FitReport:
    """Fit the collection of the settings; see ``case_labels``.

    Raises:
        CasesError: the file is not in a documented form, or too few of its cases name a document.
        CollectionNotFoundError: nothing was published under this name.
    """
    return _fit(settings, case_labels(settings, path, limit))


def fit_lines(report: FitReport) -> Text:
    """The report for a person at a terminal."""
    fit = report.fit
    return Text(
        f"{report.collection} · {fit.queries} queries of {report.labels}\n"
        f"best: dense_weight {fit.best.dense_weight:.1f}, depth {fit.best.depth}\n"
        f"nDCG@10 out of fold: {fit.ndcg_fitted:.4f}, by default {fit.ndcg_default:.4f}, difference "
        f"{fit.difference.low:+.4f} to {fit.difference.high:+.4f}\n"
        + ("kept for this collection" if report.kept else "not kept: no gain is established")
    )


def _fit(settings: Settings, labels: Labels) -> FitReport:
    with closing(open_snapshot(settings.home, labels.collection, settings.store)) as snapshot:
        spec = snapshot.manifest.embedder
        target = Collection(settings.home, labels.collection)
        embedder = load_embedder(spec, settings.embedder, target.models)
        retriever = Retriever(snapshot, embedder, settings.retrieval)
        with progress_bar(f"{labels.name} fit", len(labels.queries)) as progress:
            fit = fit_fusion(snapshot, retriever, labels, progress)
        if fit.helps:
            fitted = FittedRetrieval(
                dense_weight=fit.best.dense_weight,
                depth=fit.best.depth,
                index=index_fingerprint(snapshot.manifest),
                labels=labels.name,
                queries=fit.queries,
                ndcg_default=fit.ndcg_default,
                ndcg_fitted=fit.ndcg_fitted,
            )
            write_fitted(target.directory, fitted)
    return FitReport(labels.collection, labels.name, fit, fit.helps)
