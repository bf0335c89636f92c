"""``troika eval tune``: everything heavy is imported inside the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eval.tuning.objective_name import ObjectiveName

if TYPE_CHECKING:
    from rich.console import RenderableType

    from eval.tuning.objective import Objective
    from ingest.settings import Settings


def tune(
    cases: Annotated[
        Path | None, typer.Option(help="Questions that name the document with their answer.")
    ] = None,
    dataset: Annotated[Path | None, typer.Option(help="In place of --cases: a BEIR folder.")] = None,
    collection: Annotated[str | None, typer.Option(help="With --cases: what is tuned.")] = None,
    objective: Annotated[
        ObjectiveName, typer.Option(help="Of the documents found, or of the answers.")
    ] = ObjectiveName.NDCG,
    generator: Annotated[str | None, typer.Option(help="With f1: llama-cpp, openai or extractive.")] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials of each of the six searches.")] = 20,
    max_latency_ms: Annotated[
        float | None, typer.Option(min=0, help="Most that 95 of 100 searches may take.")
    ] = None,
    keep_index: Annotated[
        bool, typer.Option("--keep-index", help="Leave out what needs a new index: the chunking.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which nothing new is tried.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use only this many cases, from the start.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report and troika.toml; default TROIKA_HOME/tuning/…")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write troika.toml though no gain is established.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document on standard output.")
    ] = False,
) -> None:
    """Find the settings that do best on a collection's own cases; judged by cases they were not chosen on."""
    from eval.tuning.report import require_own, to_json, tuned_lines, write_results
    from ingest.optional import require
    from ingest.settings import load_settings

    require("optuna", extra="tune")
    from eval.tuning.search import Limits
    from eval.tuning.tune import Tuning, tune_settings

    # Where only searches are judged, no model that writes answers is loaded.
    kind = generator if objective is ObjectiveName.F1 else "extractive"
    settings = load_settings({"generator.kind": kind, "collection": collection})
    judged = _judged(settings, objective, cases, dataset, limit)
    folder = out or settings.home / "tuning" / judged.collection
    require_own(folder)
    tuning = Tuning(folder, Limits(trials, max_latency_ms), timeout, keep_index)
    tuned = tune_settings(settings, judged, tuning)
    written = write_results(tuned, folder, force=force)
    if as_json:
        typer.echo(json.dumps(to_json(tuned), ensure_ascii=False, indent=2))
    else:
        _show(tuned_lines(tuned), written)


def _show(lines: RenderableType, written: Path | None) -> None:
    from rich.console import Console

    Console().print(lines)
    if written is None:
        typer.echo("nothing written: no gain is established")
    else:
        typer.echo(f"written, to be merged into the troika.toml in use: {written}")


def _judged(
    settings: Settings, objective: ObjectiveName, cases: Path | None, dataset: Path | None, limit: int | None
) -> Objective:
    """What is made larger, on the cases of a file or the queries of a data set."""
    from eval.cases.read import read_cases
    from eval.retrieval.labels import case_labels, dataset_labels
    from eval.tuning.objective import AnswerObjective, RankingObjective
    from ingest.errors import UsageError

    if dataset is not None and cases is None:
        labels, path = dataset_labels(settings, dataset, limit), dataset / "queries.jsonl"
    elif cases is not None and dataset is None:
        labels, path = case_labels(settings, cases, limit), cases
    else:
        raise UsageError("one collection is tuned at a time: give --cases or --dataset.")
    if objective is ObjectiveName.NDCG:
        return RankingObjective(labels)
    return AnswerObjective(labels, read_cases(path, limit=limit))
