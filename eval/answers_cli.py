"""``troika eval answers``: answer a file of cases, in this process, on Ray or by a server, and measure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.choices import Engine

EXIT_PARTIAL = 3

_WHICH = "Which cases"
_WHO = "Who answers"

Cases = Annotated[Path, typer.Option(help="Questions with their answers: a file, or a BEIR folder.")]
Sample = Annotated[
    int | None,
    typer.Option(
        min=1, help="So many, of each language and answerability their share.", rich_help_panel=_WHICH
    ),
]
Seed = Annotated[int, typer.Option(help="Of the sample.", rich_help_panel=_WHICH)]
Tags = Annotated[
    list[str] | None, typer.Option(help="With one of these tags; repeatable.", rich_help_panel=_WHICH)
]
Language = Annotated[str | None, typer.Option(help="In this language.", rich_help_panel=_WHICH)]
Limit = Annotated[
    int | None, typer.Option(min=1, help="So many, from the start of the file.", rich_help_panel=_WHICH)
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Those that the file marks as quick.", rich_help_panel=_WHICH)
]
Collection = Annotated[str | None, typer.Option(help="From this collection.", rich_help_panel=_WHO)]
Oracle = Annotated[
    bool, typer.Option("--oracle", help="From each case's own passages.", rich_help_panel=_WHO)
]
Generator = Annotated[str | None, typer.Option(help="llama-cpp, openai or extractive.", rich_help_panel=_WHO)]
Release = Annotated[
    str | None,
    typer.Option(
        help="A kept adapter, served or not, or `base`; default what is served.", rich_help_panel=_WHO
    ),
]
Url = Annotated[str | None, typer.Option(help="The server that runs there, as it is.", rich_help_panel=_WHO)]
ApiKey = Annotated[
    str | None,
    typer.Option(envvar="EVAL_API_KEY", help="Sent to the server as a bearer token.", rich_help_panel=_WHO),
]
OnEngine = Annotated[Engine, typer.Option("--engine", help="This process, or Ray.", rich_help_panel=_WHO)]
RayAddress = Annotated[
    str | None, typer.Option(help="Ray cluster; default a local one.", rich_help_panel=_WHO)
]
Concurrency = Annotated[
    int | None,
    typer.Option(min=1, help="Cases at a time; default 4 by a server, else 1.", rich_help_panel=_WHO),
]
Out = Annotated[
    Path | None, typer.Option(help="Folder of the run; one that was broken off there is gone on with.")
]
Restart = Annotated[bool, typer.Option("--restart", help="Forget the run that is in --out, and begin anew.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def answers(
    cases: Cases,
    sample: Sample = None,
    seed: Seed = 0,
    tags: Tags = None,
    language: Language = None,
    limit: Limit = None,
    quick: Quick = False,
    collection: Collection = None,
    oracle: Oracle = False,
    generator: Generator = None,
    release: Release = None,
    url: Url = None,
    api_key: ApiKey = None,
    engine: OnEngine = Engine.LOCAL,
    ray_address: RayAddress = None,
    concurrency: Concurrency = None,
    out: Out = None,
    restart: Restart = False,
    as_json: AsJson = False,
) -> None:
    """Answer cases as the service would, keep each answer, and measure words, refusals and citations."""
    from rich.console import Console

    from eval.answering.over_http import ServerAddress
    from eval.answering.run import AnswerRequest, new_folder, run_answers
    from eval.cases.select import Selection
    from eval.reports.answer_table import answer_lines
    from eval.runs.report import write_report
    from ingest.settings import load_settings

    _check_who(
        oracle=oracle, collection=collection, generator=generator, release=release, url=url, engine=engine
    )
    settings = load_settings({"generator.kind": generator, "collection": collection})
    request = AnswerRequest(
        cases=cases,
        folder=out or new_folder(settings.home, cases),
        selection=Selection(sample, seed, frozenset(tags or ()), language, limit, quick),
        oracle=oracle,
        release=release,
        server=None if url is None else ServerAddress(url, api_key, collection),
        concurrency=concurrency,
        engine=engine,
        ray_address=ray_address,
        restart=restart,
    )
    typer.echo(f"every answer is kept in {request.folder}: with that as --out a run goes on", err=True)
    report = write_report(run_answers(settings, request), settings)
    if as_json:
        typer.echo(report.canonical_json(), nl=False)
    else:
        Console().print(answer_lines(report))
    if report.failures:
        raise typer.Exit(EXIT_PARTIAL)


def _check_who(
    *,
    oracle: bool,
    collection: str | None,
    generator: str | None,
    release: str | None,
    url: str | None,
    engine: Engine,
) -> None:
    from ingest.errors import UsageError

    if oracle and collection is not None:
        raise UsageError(
            "--oracle answers from the cases' own passages: leave --collection out, or --oracle."
        )
    own = oracle or generator is not None or release is not None or engine is not Engine.LOCAL
    if url is not None and own:
        raise UsageError(
            "--url asks a server as it is: leave --oracle, --generator, --release and --engine out, or --url."
        )
