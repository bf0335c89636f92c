"""``troika eval cases``: check, split and draft evaluation cases. Everything heavy is imported late."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eval.cases.choices import LeakKind, SplitBy

if TYPE_CHECKING:
    from eval.cases.draft import DraftReport
    from ingest.settings import Settings

cases_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Check, split and draft the cases of an evaluation."
)

EXIT_LEAKS = 1
EXIT_BROKEN = 2
_MOST_SHOWN = 20

File = Annotated[Path, typer.Argument(help="Cases: a file in any form that is read, or a folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Seed = Annotated[int, typer.Option(help="Of the random choice.")]


@cases_app.command()
def check(
    file: File,
    against: Annotated[
        list[Path] | None, typer.Option(help="Training data to look for the cases in; repeatable.")
    ] = None,
    allow: Annotated[
        list[LeakKind] | None, typer.Option(help="Pass over leaks of this kind; repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count the cases, name every bad line, and refuse cases that stand in training data."""
    from eval.cases.check import check_cases

    report = check_cases(file, against or (), allow or ())
    if as_json:
        _print_json(report.to_json(_MOST_SHOWN))
    else:
        typer.echo("\n".join(report.lines(_MOST_SHOWN)))
    if report.problems:
        raise typer.Exit(EXIT_BROKEN)
    if report.leaks is not None and report.leaks.leaks:
        raise typer.Exit(EXIT_LEAKS)


@cases_app.command()
def split(
    file: File,
    out: Annotated[Path, typer.Option(help="Folder for train.jsonl and held_out.jsonl.")],
    share: Annotated[float, typer.Option(help="Of the cases, to hold out for evaluation.")] = 0.2,
    by: Annotated[SplitBy, typer.Option(help="What keeps the two sides apart.")] = SplitBy.DOCUMENT,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Split cases into those to train on and those to hold out, so that none tells of another."""
    from eval.cases.forms.own import write_cases
    from eval.cases.leaks import find_leaks
    from eval.cases.read import read_cases
    from eval.cases.split import split_cases
    from eval.cases.training_text import case_text

    sides = split_cases(read_cases(file), by, share, seed)
    train, held_out = out / "train.jsonl", out / "held_out.jsonl"
    write_cases(train, sides.train)
    write_cases(held_out, sides.held_out)
    leaks = find_leaks(sides.held_out, [case_text(case, case.id) for case in sides.train])
    counts = {kind.value: leaks.count(kind) for kind in LeakKind}
    if as_json:
        sizes = {"train": len(sides.train), "held_out": len(sides.held_out)}
        _print_json({**sizes, "leaks": counts, "files": [str(train), str(held_out)]})
        return
    typer.echo(f"{train}: {len(sides.train)} cases\n{held_out}: {len(sides.held_out)} cases")
    if leaks.leaks:
        found = ", ".join(f"{count} by {kind}" for kind, count in counts.items() if count)
        typer.echo(f"held out and yet known from the other side: {found}")


@cases_app.command()
def build(
    out: Annotated[Path, typer.Option(help="File to write the drafts to; there must be none yet.")],
    collection: Annotated[str | None, typer.Option(help="Draft from this collection.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Drafts that are wanted.")] = 50,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Draft cases from a collection; each is refused until a person has confirmed it."""
    import asyncio

    from eval.cases.forms.own import write_cases
    from ingest.choices import GeneratorKind
    from ingest.errors import UsageError
    from ingest.settings import load_settings

    settings = load_settings({"collection": collection})
    if settings.generator.kind is GeneratorKind.EXTRACTIVE:
        raise UsageError("generator.kind is extractive, which writes no questions: choose another kind.")
    if out.exists():
        raise UsageError(f"{out} is there already, and may have been confirmed: name another file.")
    report = asyncio.run(_draft(settings, count, seed))
    write_cases(out, report.cases, draft=True)
    rejected = {reason.value: number for reason, number in report.rejected.items()}
    if as_json:
        _print_json(
            {
                "drafts": len(report.cases),
                "proposals": report.proposals,
                "rejected": rejected,
                "file": str(out),
            }
        )
        return
    typer.echo(f"{out}: {len(report.cases)} drafts of {report.proposals} proposals")
    for reason, number in sorted(rejected.items(), key=lambda item: -item[1]):
        typer.echo(f"  {number} refused: {reason}")
    typer.echo('read each line, correct it, and set "status" to "confirmed" or delete it')


async def _draft(settings: Settings, count: int, seed: int) -> DraftReport:
    from eval.cases.draft import Drafter
    from eval.progress import progress_bar
    from service.wiring import open_pipeline

    pipeline = await open_pipeline(settings, settings.collection)
    try:
        drafter = Drafter(pipeline.snapshot.documents, pipeline, pipeline.generator)
        with progress_bar("drafting", count) as advance:
            return await drafter.draft(count, seed, advance)
    finally:
        await pipeline.aclose()


def _print_json(document: dict[str, object]) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
