"""``troika finetune data``. Everything heavy is imported inside the commands."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from finetune.data.choices import ImportForm, RowKind, TargetForm
from finetune.data_checks_cli import TokenizerOption, tokenizer_of
from finetune.partner_options import require_partner
from ingest.cli import JsonOption
from ingest.errors import UsageError
from ingest.settings import load_settings

if TYPE_CHECKING:
    from finetune.data.build import BuiltData
    from finetune.data.examples import BuildOptions

Value = TypeVar("Value")
Questions = Annotated[Path, typer.Argument(help="Questions with their answers, in any form of `eval cases`.")]
Collection = Annotated[
    str | None, typer.Option("--collection", "-c", help="Take passages from this collection's index.")
]
OwnContexts = Annotated[
    bool, typer.Option("--own-contexts", help="Take the contexts that come with the questions, all of them.")
]
Output = Annotated[Path | None, typer.Option(help="Folder to write to; default TROIKA_HOME/data.")]
Distractors = Annotated[
    int | None, typer.Option(min=0, help="Passages beside the right ones; default 4, of own contexts all.")
]
RefusalShare = Annotated[
    float | None, typer.Option(min=0, max=0.9, help="Least share that refuses; default 0.2, own contexts 0.")
]
RefusalMost = Annotated[
    float | None, typer.Option(min=0, max=1, help="Largest share that refuses; default all there are.")
]
AloneShare = Annotated[
    float | None, typer.Option(min=0, max=1, help="Share without distractors; default 0.1, own contexts 0.")
]
ShuffleShare = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Share out of the order they are served in; default 1, own contexts 0."),
]
Replay = Annotated[
    Path | None, typer.Option(help="Mix in general instructions: alpaca, sharegpt or messages.")
]
ReplayShare = Annotated[
    float | None, typer.Option(min=0, max=0.9, help="Share of general rows, of --replay; default 0.1.")
]

data_app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make training data.")


@data_app.callback()
def data() -> None:
    """Make training data."""


@data_app.command("build")
def data_build(
    questions: Questions,
    collection: Collection = None,
    own_contexts: OwnContexts = False,
    cut: Annotated[bool, typer.Option("--cut", help="Cut own contexts as an ingest would.")] = False,
    output: Output = None,
    target: Annotated[TargetForm, typer.Option(help="What a target quotes.")] = TargetForm.ANSWER,
    distractors: Distractors = None,
    refusal_share: RefusalShare = None,
    refusal_most: RefusalMost = None,
    alone_share: AloneShare = None,
    shuffle_share: ShuffleShare = None,
    replay: Replay = None,
    replay_share: ReplayShare = None,
    valid_share: Annotated[float, typer.Option(min=0, max=0.9, help="Share held out, by document.")] = 0.0,
    language: Annotated[list[str] | None, typer.Option(help="Keep only this language; repeatable.")] = None,
    longest: Annotated[
        int | None,
        typer.Option(min=16, help="Leave out examples of more tokens, prompt and answer together."),
    ] = None,
    tokenizer: TokenizerOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice and order of passages.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Make SFT examples and DPO pairs: each question with its passage hidden among distractors."""
    from finetune.data.build import build_data, passage_source
    from finetune.data.check_lengths import no_longer_than
    from finetune.data.imports.read import import_examples
    from finetune.training.base_model import EMBEDDED

    _check_contexts(own_contexts, collection, cut)
    require_partner("--tokenizer", tokenizer, "--longest", longest)
    require_partner("--replay-share", replay_share, "--replay", replay)
    settings = load_settings()
    mixture = _mixture(
        own_contexts, distractors, refusal_share, refusal_most, alone_share, shuffle_share, replay_share
    )
    options = replace(
        mixture,
        valid_share=valid_share,
        target=target,
        languages=frozenset(language) if language else None,
        seed=seed,
    )
    general = import_examples(replay) if replay else ()
    fits = no_longer_than(longest, tokenizer_of(tokenizer or EMBEDDED)) if longest else None
    named = None if own_contexts else collection or settings.collection
    with passage_source(settings, named, cut=cut) as source:
        built = build_data(
            questions,
            source,
            options,
            output or settings.home / "data",
            replay=general,
            fits=fits,
        )
    _show_built(built, as_json)


@data_app.command("import")
def data_import(
    file: Annotated[Path, typer.Argument(help="JSON Lines or a JSON array.")],
    form: Annotated[
        ImportForm | None, typer.Option("--format", help="How its rows are laid out; told by their fields.")
    ] = None,
    kind: Annotated[
        RowKind | None, typer.Option("--as", help="The method to learn from them; told by their fields.")
    ] = None,
    output: Output = None,
    as_json: JsonOption = False,
) -> None:
    """Make rows of data from elsewhere: instructions, conversations, preferences, thumbs, rankings."""
    from finetune.data.imports.read import import_file

    imported = import_file(file, form, kind, output or load_settings().home / "data")
    if as_json:
        typer.echo(json.dumps(asdict(imported), ensure_ascii=False, indent=2, default=str))
    else:
        typer.echo(f"{imported.rows} rows for {imported.kind} ({imported.form}): {imported.path}")


def _check_contexts(own_contexts: bool, collection: str | None, cut: bool) -> None:
    if own_contexts and collection is not None:
        raise UsageError("--own-contexts takes no passages from a collection: leave --collection out, or it.")
    if cut and not own_contexts:
        raise UsageError("--cut cuts own contexts, and a collection's are cut already: add --own-contexts.")


def _mixture(
    own_contexts: bool,
    distractors: int | None,
    refusal_share: float | None,
    refusal_most: float | None,
    alone_share: float | None,
    shuffle_share: float | None,
    replay_share: float | None,
) -> BuildOptions:
    """What was asked for, and the rest by where the passages come from."""
    from finetune.data.examples import AS_THEY_COME, BuildOptions

    default = AS_THEY_COME if own_contexts else BuildOptions()
    return replace(
        default,
        distractors=_given(distractors, default.distractors),
        refusal_share=_given(refusal_share, default.refusal_share),
        refusal_most=_given(refusal_most, default.refusal_most),
        alone_share=_given(alone_share, default.alone_share),
        shuffle_share=_given(shuffle_share, default.shuffle_share),
        replay_share=_given(replay_share, default.replay_share),
    )


def _given(value: Value | None, default: Value) -> Value:
    return default if value is None else value


def _show_built(built: BuiltData, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(built), ensure_ascii=False, indent=2, default=str))
        return
    typer.echo(
        f"{built.examples} examples, {built.refusals} of them refusals and {built.replay} general, "
        f"{built.held_out} more held out: {built.examples_path}"
    )
    typer.echo(f"{built.pairs} preference pairs: {built.pairs_path}")
    for name, reason in built.skipped.items():
        typer.echo(f"  left out  {name}: {reason}", err=True)
