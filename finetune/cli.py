"""``troika finetune`` and ``troika adapters``. Everything heavy is imported inside the commands."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from ingest.cli import JsonOption
from ingest.settings import load_settings

if TYPE_CHECKING:
    from finetune.run import Run
    from service.release import AdapterRecord, Release

finetune_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Make training data, train and export."
)
data_app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make training data.")
adapters_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="List, promote and roll back adapters."
)
finetune_app.add_typer(data_app, name="data")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML or YAML; default finetune/configs.")
]
Overrides = Annotated[
    list[str] | None, typer.Argument(help="Settings as section.key=value, for example train.max_steps=20.")
]


@data_app.callback()
def data() -> None:
    """Make training data."""


@data_app.command("build")
def data_build(
    questions: Annotated[Path, typer.Argument(help="JSON Lines of questions with their answers.")],
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="Take passages from this collection's index.")
    ] = None,
    own_contexts: Annotated[
        bool, typer.Option("--own-contexts", help="Take the contexts that come with the questions.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="Folder to write to; default TROIKA_HOME/data.")] = None,
    distractors: Annotated[int, typer.Option(min=0, help="Passages beside the right one.")] = 2,
    refusal_share: Annotated[float, typer.Option(min=0, max=0.9, help="Share that teaches to refuse.")] = 0.2,
    shuffle_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share with its passages out of the order they are served in.")
    ] = 0.5,
    language: Annotated[list[str] | None, typer.Option(help="Keep only this language; repeatable.")] = None,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Add pairs from readers' corrections.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice and order of passages.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Make SFT examples and DPO pairs: each question with its passage hidden among distractors."""
    from finetune.build import build_data, corrected_pairs, passage_source
    from finetune.examples import BuildOptions
    from ingest.errors import UsageError

    if own_contexts and collection is not None:
        raise UsageError("--own-contexts takes no passages from a collection: leave --collection out, or it.")
    settings = load_settings()
    languages = frozenset(language) if language else None
    options = BuildOptions(
        distractors, refusal_share, shuffle_share=shuffle_share, languages=languages, seed=seed
    )
    where = None if own_contexts else collection or settings.collection
    with passage_source(settings, where) as source:
        built = build_data(
            questions,
            source,
            options,
            output or settings.home / "data",
            corrected=corrected_pairs(settings.home) if feedback else (),
        )
    if as_json:
        _print_json(asdict(built))
        return
    typer.echo(f"{built.examples} examples, {built.refusals} of them refusals: {built.examples_path}")
    typer.echo(
        f"{built.pairs} preference pairs, {built.pairs_from_feedback} from feedback: {built.pairs_path}"
    )
    for name, reason in built.skipped.items():
        typer.echo(f"  left out  {name}: {reason}", err=True)


@finetune_app.command()
def sft(
    data: Annotated[Path, typer.Option(help="Examples, as `finetune data build` writes them.")],
    config: ConfigOption = None,
    overrides: Overrides = None,
    as_json: JsonOption = False,
) -> None:
    """Train an adapter on answers (LoRA)."""
    _show_run(_run("sft", data, None, config, overrides), as_json)


@finetune_app.command()
def dpo(
    data: Annotated[Path, typer.Option(help="Pairs, as `finetune data build` writes them.")],
    adapter: Annotated[
        str | None, typer.Option(help="Start from this run's folder, or kept adapter.")
    ] = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
    as_json: JsonOption = False,
) -> None:
    """Train on preferences, from an adapter that was trained on answers."""
    _show_run(_run("dpo", data, adapter, config, overrides), as_json)


@finetune_app.command("export")
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    as_json: JsonOption = False,
) -> None:
    """Write a run's adapter as GGUF and keep it, ready to be promoted."""
    from finetune.run import export_run, read_run

    record = export_run(load_settings().home, read_run(run))
    if as_json:
        _print_json(_adapter_json(record, served=False))
    else:
        typer.echo(f"kept {record.name}; serve it with `troika adapters promote {record.name}`")


@finetune_app.command("demo")
def demo(as_json: JsonOption = False) -> None:
    """Fine-tune on the sample handbook, promote the adapter, and show answers before and after."""
    from finetune.demo import run_demo

    report = run_demo(load_settings(), lambda line: typer.echo(line, err=as_json))
    if as_json:
        _print_json(asdict(report))
        return
    table = Table(show_lines=True)
    for heading in ("question", "expected", "before", "after"):
        table.add_column(heading, overflow="fold")
    for row in report.answers:
        table.add_row(row.question, row.expected or "(a refusal)", row.before, row.after)
    Console().print(table)
    typer.echo(
        f"{report.seconds:.0f} s in all. {report.adapter} is served now; "
        "`troika adapters promote base` goes back to the base model."
    )


@adapters_app.command("list")
def adapters_list(as_json: JsonOption = False) -> None:
    """List the kept adapters; the one that is served is marked."""
    from service.adapters import list_adapters
    from service.release import read_release

    home = load_settings().home
    served = read_release(home).name
    records = list_adapters(home)
    if as_json:
        rows = [_adapter_json(record, served=record.name == served) for record in records]
        _print_json({"served": served, "adapters": rows})
        return
    table = Table("served", "adapter", "base model", "prompt", "made")
    for record in records:
        mark = "*" if record.name == served else ""
        table.add_row(mark, record.name, record.base_model, record.prompt_id, record.created_at)
    Console().print(table)
    typer.echo(f"served: {served}")


@adapters_app.command("promote")
def adapters_promote(
    name: Annotated[str, typer.Argument(help="A kept adapter, or `base`.")], as_json: JsonOption = False
) -> None:
    """Serve an adapter from now on; a running server takes it over with its next question."""
    from service.adapters import promote

    _show_release(promote(load_settings().home, name), as_json)


@adapters_app.command("rollback")
def adapters_rollback(as_json: JsonOption = False) -> None:
    """Serve again what was served before."""
    from service.adapters import rollback

    _show_release(rollback(load_settings().home), as_json)


def _run(
    method: Literal["sft", "dpo"],
    data: Path,
    adapter: str | None,
    config: Path | None,
    overrides: list[str] | None,
) -> Run:
    from finetune.run import start_run
    from finetune.train_config import load_config
    from service.release import ADAPTERS

    home = load_settings().home
    start = None
    if adapter is not None:
        kept = home / ADAPTERS / adapter
        start = kept if kept.is_dir() else Path(adapter)
    return start_run(home, load_config(method, config, overrides or ()), data, start)


def _show_run(run: Run, as_json: bool) -> None:
    if as_json:
        _print_json({**asdict(run), "metrics": dict(run.metrics)})
        return
    metrics = run.metrics
    typer.echo(
        f"loss {metrics['first_loss']:.3f} -> {metrics['last_loss']:.3f}, {metrics['steps']:.0f} steps in "
        f"{metrics['seconds']:.0f} s ({metrics['tokens_per_second']:.0f} tokens/s, "
        f"{metrics['peak_memory_mb']:.0f} MB)"
    )
    if metrics["stopped_early"]:
        typer.echo("stopped by train.max_minutes before the last step", err=True)
    typer.echo(f"keep it with: troika finetune export {run.folder}")


def _show_release(release: Release, as_json: bool) -> None:
    if as_json:
        adapter = None if release.adapter is None else release.adapter.name
        _print_json({"release": release.name, "adapter": adapter, "prompt_id": release.prompt_id})
    else:
        typer.echo(f"served: {release.name}")


def _adapter_json(record: AdapterRecord, *, served: bool) -> dict[str, Any]:
    return {
        "name": record.name,
        "task": record.task,
        "served": served,
        "sha256": record.sha256,
        "base_model": record.base_model,
        "prompt_id": record.prompt_id,
        "dataset_sha256": record.dataset_sha256,
        "created_at": record.created_at,
        "path": str(record.path),
    }


def _print_json(document: object) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))
