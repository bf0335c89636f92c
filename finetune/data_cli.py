"""``troika finetune data``. Everything heavy is imported inside the commands."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ingest.cli import JsonOption
from ingest.settings import load_settings

data_app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make training data.")


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
    from finetune.data.build import build_data, corrected_pairs, passage_source
    from finetune.data.examples import BuildOptions
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
        typer.echo(json.dumps(asdict(built), ensure_ascii=False, indent=2, default=str))
        return
    typer.echo(f"{built.examples} examples, {built.refusals} of them refusals: {built.examples_path}")
    typer.echo(
        f"{built.pairs} preference pairs, {built.pairs_from_feedback} from feedback: {built.pairs_path}"
    )
    for name, reason in built.skipped.items():
        typer.echo(f"  left out  {name}: {reason}", err=True)
