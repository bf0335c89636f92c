"""``troika finetune data check`` and ``synthesize``. Everything heavy is imported inside the commands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eval.cases.choices import LeakKind
from finetune.settings.shared import TrainSection
from ingest.choices import GeneratorKind
from ingest.cli import JsonOption
from ingest.errors import UsageError
from ingest.settings import Settings, load_settings

if TYPE_CHECKING:
    from eval.cases.case import Case
    from finetune.data.encode import Tokenizer
    from finetune.data.redact import NameFinder
    from finetune.data.synthetic import SyntheticReport

EXIT_BLOCKED = 1
EXIT_BROKEN = 2
_MOST_SHOWN = 20

AgainstOption = Annotated[
    list[Path] | None, typer.Option(help="Evaluation cases that must not stand in it; repeatable.")
]
TokenizerOption = Annotated[
    str | None, typer.Option(help="Model whose tokens are counted: smollm2, a GGUF file or a folder.")
]
NamesOption = Annotated[
    list[str] | None,
    typer.Option("--names", help="LANGUAGE=MODEL of spaCy that finds names (extra redact); repeatable."),
]


def data_check(
    file: Annotated[Path, typer.Argument(help="Rows of one kind, as `finetune data` writes them.")],
    against: AgainstOption = None,
    allow: Annotated[
        list[LeakKind] | None, typer.Option(help="Pass over leaks of this kind; repeatable.")
    ] = None,
    tokenizer: TokenizerOption = None,
    max_length: Annotated[int, typer.Option(min=16, help="Tokens of prompt and answer.")] = (
        TrainSection().max_length
    ),
    redact: Annotated[Path | None, typer.Option(help="Write a copy without personal data here.")] = None,
    names: NamesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count what a file of training rows holds, and refuse what stands in evaluation cases."""
    from finetune.data.check import CheckOptions, check_file
    from finetune.data.row_files import write_rows

    options = CheckOptions(
        against=tuple(against or ()),
        allowed=frozenset(allow or ()),
        tokenizer=tokenizer_of(tokenizer) if tokenizer else None,
        max_length=max_length,
        names=name_finder(names or ()),
    )
    checked = check_file(file, options)
    report = checked.report
    if redact is not None:
        write_rows(redact, checked.redacted)
    if as_json:
        typer.echo(json.dumps(report.to_json(_MOST_SHOWN), ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(report.lines(_MOST_SHOWN)))
    if report.problems:
        raise typer.Exit(EXIT_BROKEN)
    if report.blocked:
        raise typer.Exit(EXIT_BLOCKED)


def data_synthesize(
    collection: Annotated[str, typer.Argument(help="Make questions from this collection.")],
    output: Annotated[Path, typer.Option(help="File to write the questions to, for `finetune data build`.")],
    count: Annotated[int, typer.Option(min=1, help="Questions that are wanted.")] = 100,
    against: AgainstOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of sentences.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Make questions that the service itself answers, from sentences of a collection."""
    import asyncio

    from eval.cases.forms.own import write_cases
    from eval.cases.read import read_cases

    settings = load_settings({"collection": collection})
    if settings.generator.kind is GeneratorKind.EXTRACTIVE:
        raise UsageError("generator.kind is extractive, which writes no questions: choose another kind.")
    evaluation = [case for path in against or () for case in read_cases(path)]
    report = asyncio.run(_synthesize(settings, count, seed, evaluation))
    if report.cases:
        write_cases(output, report.cases)
    if as_json:
        found = {"questions": len(report.cases), "proposals": report.proposals}
        file = str(output) if report.cases else None
        typer.echo(json.dumps({**found, "rejected": dict(report.rejected), "file": file}, indent=2))
        return
    typer.echo(f"{len(report.cases)} questions of {report.proposals} proposals")
    for reason, number in sorted(report.rejected.items(), key=lambda item: -item[1]):
        typer.echo(f"  {number} refused: {reason}")
    if report.cases:
        typer.echo(f"build examples with: troika finetune data build {output} --collection {collection}")


async def _synthesize(
    settings: Settings, count: int, seed: int, evaluation: Sequence[Case]
) -> SyntheticReport:
    from eval.progress import progress_bar
    from finetune.data.synthetic import synthesize
    from service.wiring import open_pipeline

    pipeline = await open_pipeline(settings, settings.collection)
    try:
        with progress_bar("proposing", count) as advance:
            return await synthesize(
                pipeline.snapshot.documents,
                pipeline,
                pipeline.generator,
                count=count,
                seed=seed,
                evaluation=evaluation,
                advance=advance,
            )
    finally:
        await pipeline.aclose()


def name_finder(models: list[str] | tuple[str, ...]) -> NameFinder | None:
    """What ``--names`` asks for; None without it.

    Raises:
        UsageError: an option is not ``LANGUAGE=MODEL``.
    """
    from finetune.data.redact_names import PresidioNames

    pairs = [model.partition("=") for model in models]
    if not all(language and model for language, _, model in pairs):
        raise UsageError(f"--names is {' '.join(models)}: give LANGUAGE=MODEL, as en=en_core_web_lg.")
    return PresidioNames({language: model for language, _, model in pairs}) if pairs else None


def tokenizer_of(model: str) -> Tokenizer:
    """The tokenizer of a model on this machine.

    Raises:
        ModelNotFoundError: there is no such model.
    """
    from finetune.training.base_model import find_base_model
    from finetune.training.checkpoint import read_tokenizer

    return read_tokenizer(find_base_model(model), load_settings().home)
