"""``troika finetune embedder`` and ``reranker``: the models that find passages, and that order them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune.train_cli import ConfigOption, DryRunOption, Overrides
from ingest.cli import JsonOption
from ingest.errors import UsageError
from ingest.settings import Settings, load_settings

if TYPE_CHECKING:
    from finetune.encoders.job import AnyConfig
    from finetune.encoders.labels import LabelFiles
    from finetune.encoders.run import EncoderReport

Questions = Annotated[
    Path,
    typer.Option(help="Questions with answers or documents, in any form of `eval cases`, or BEIR's folder."),
]
Collection = Annotated[
    str | None, typer.Option("--collection", "-c", help="Learn from this collection's passages.")
]
Mined = Annotated[
    Path | None, typer.Option(help="Rows for the retriever that `troika finetune data mine` wrote.")
]
Resume = Annotated[
    Path | None, typer.Option(help="Continue this run's folder, with the same questions and settings.")
]


def embedder(
    questions: Questions,
    collection: Collection = None,
    mined: Mined = None,
    model: Annotated[
        str | None, typer.Option(help="Do not train: measure this one, kept as embedder@SHA8.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish the collection under it if it is shown to be better.")
    ] = False,
    config: ConfigOption = None,
    overrides: Overrides = None,
    dry_run: DryRunOption = False,
    resume: Resume = None,
    as_json: JsonOption = False,
) -> None:
    """Train the embedder of a collection, and measure it on questions that were held out."""
    from finetune.encoders.gate import require_passed
    from finetune.encoders.labels import LabelFiles
    from finetune.encoders.run import publish_embedder, train_embedder
    from finetune.settings.encoders import EmbedderConfig
    from finetune.settings.train_config import read_config
    from ingest.progress_display import display

    _require_one_way(resume, model, dry_run)
    settings, files = load_settings(), LabelFiles(questions, mined)
    read = read_config(EmbedderConfig, "embedder", config, overrides or ())
    name = collection or settings.collection
    if dry_run:
        return _show_plan(settings, read, name, files, as_json)
    with display() as progress:
        report = train_embedder(settings, read, name, files, resume=resume, model=model, progress=progress)
        is_published = publish and report.gate.passed
        snapshot = publish_embedder(settings, report, progress) if is_published else None
    if snapshot is not None:
        told = (
            f"{name}: {snapshot} is current; `troika collections rollback {name}` goes back\n"
            f"set embedder.model to {report.folder}, or the next ingest goes back as well"
        )
    else:
        told = f"switch to it with the same command and --model {report.folder.name} --publish"
    _show_report(report, as_json, told, snapshot)
    if publish:
        require_passed(report.gate)
    return None


def reranker(
    questions: Questions,
    collection: Collection = None,
    mined: Mined = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
    dry_run: DryRunOption = False,
    resume: Resume = None,
    as_json: JsonOption = False,
) -> None:
    """Train a cross-encoder that orders the best hits anew, and measure it on questions held out."""
    from finetune.encoders.labels import LabelFiles
    from finetune.encoders.model_folder import weights_folder
    from finetune.encoders.plan import FRESH_HEAD, compares_pairs
    from finetune.encoders.run import train_reranker
    from finetune.settings.encoders import RerankerConfig
    from finetune.settings.train_config import read_config

    _require_one_way(resume, None, dry_run)
    settings, files = load_settings(), LabelFiles(questions, mined)
    read = read_config(RerankerConfig, "reranker", config, overrides or ())
    name = collection or settings.collection
    if dry_run:
        return _show_plan(settings, read, name, files, as_json)
    if resume is None and not compares_pairs(weights_folder(read.model.name_or_path)):
        typer.echo(FRESH_HEAD, err=True)
    report = train_reranker(settings, read, name, files, resume=resume)
    return _show_report(report, as_json, f"serve it with rerank.model set to {report.folder}")


def _require_one_way(resume: Path | None, model: str | None, dry_run: bool) -> None:
    """Each of the three does something else in place of a new training."""
    ways = {"--resume": resume is not None, "--model": model is not None, "--dry-run": dry_run}
    given = [name for name, is_given in ways.items() if is_given]
    if len(given) > 1:
        raise UsageError(
            f"{' and '.join(given)} were given, and each asks for something else: --resume continues a run, "
            "--model measures without training and --dry-run plans a new run, so leave out all but one."
        )


def _show_plan(
    settings: Settings, config: AnyConfig, collection: str, files: LabelFiles, as_json: bool
) -> None:
    from finetune.encoders.plan import plan_lines
    from finetune.encoders.run import plan_encoder

    plan = plan_encoder(settings, config, collection, files)
    if as_json:
        return typer.echo(json.dumps(asdict(plan), ensure_ascii=False, indent=2))
    return typer.echo("\n".join(plan_lines(plan)))


def _show_report(report: EncoderReport, as_json: bool, told: str, snapshot: str | None = None) -> None:
    """Print the report, and what to do with a model that is better."""
    from finetune.encoders.gate import gate_lines

    metrics = report.metrics
    if as_json:
        shown = {
            "model": str(report.folder),
            "metrics": None if metrics is None else asdict(metrics),
            "gate": report.gate.to_json(),
            "report": str(report.gate_path),
            "published": snapshot,
        }
        return typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    if metrics is not None:
        typer.echo(
            f"loss {metrics.first_loss:.3f} -> {metrics.last_loss:.3f} in {metrics.steps} steps, "
            f"{metrics.seconds:.0f} s"
        )
        if metrics.stopped_early:
            typer.echo("stopped by train.max_minutes before the last step", err=True)
    typer.echo(f"{report.folder} (measured: {report.gate_path})")
    return typer.echo("\n".join([*gate_lines(report.gate), *([told] if report.gate.passed else [])]))
