"""``troika ingest`` and ``troika config``."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import SecretStr

from ingest.choices import Engine
from ingest.progress_display import display
from ingest.report import IngestReport
from ingest.settings import Settings, load_settings, load_settings_with_origins

if TYPE_CHECKING:
    from ingest.request import IngestRequest
    from ingest.sources.sql import RowQuery

ingest_app = typer.Typer(add_completion=False)
config_app = typer.Typer(add_completion=False, no_args_is_help=True, help="Show the settings.")

PARTIAL_SUCCESS = 3
_WEB = ("http://", "https://")

CollectionOption = Annotated[
    str | None, typer.Option("--collection", "-c", help="Collection; default from settings.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Patterns = list[str] | None


@ingest_app.command()
def ingest(
    sources: Annotated[
        list[str] | None, typer.Argument(help="Files, folders, archives, http(s) pages and sitemaps.")
    ] = None,
    collection: CollectionOption = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would be done, and do nothing.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Forget documents whose sources vanished.")] = False,
    include: Annotated[
        Patterns, typer.Option(help="Take only files that match (.gitignore pattern).")
    ] = None,
    exclude: Annotated[Patterns, typer.Option(help="Pass over files that match.")] = None,
    meta: Annotated[
        Patterns, typer.Option(help="KEY=VALUE stated of every document, say acl=staff,hr.")
    ] = None,
    faq: Annotated[
        list[Path] | None, typer.Option(help="CSV or JSON Lines of questions and their curated answers.")
    ] = None,
    sql: Annotated[str | None, typer.Option(help="Database URL; each row of --query is a document.")] = None,
    query: Annotated[str | None, typer.Option(help="SELECT with the columns id, title, body, …")] = None,
    sql_name: Annotated[
        str | None, typer.Option(help="Name of the query, which lets it be reworded later.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try files again that failed and did not change.")
    ] = False,
    lexical_first: Annotated[
        bool, typer.Option("--lexical-first", help="Publish BM25 before the vectors are ready.")
    ] = False,
    engine: Annotated[Engine, typer.Option(help="Where to parse and embed.")] = Engine.LOCAL,
    ray_address: Annotated[str | None, typer.Option(help="Ray cluster; default a local one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a collection up to date with files, pages and rows. What did not change costs nothing."""
    from ingest.pipeline import ingest as run_ingest
    from ingest.request import IngestRequest
    from ingest.sources.metadata import parse_options

    named = _named(sources, given_otherwise=sql is not None or bool(faq))
    request = IngestRequest(
        paths=tuple(Path(name) for name in named if not name.startswith(_WEB)),
        urls=tuple(name for name in named if name.startswith(_WEB)),
        query=_row_query(sql, query, sql_name),
        faq=tuple(faq or ()),
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        metadata=parse_options(meta or ()),
        prune=prune,
        retry_failed=retry_failed,
        lexical_first=lexical_first,
        engine=engine,
        ray_address=ray_address,
    )
    settings = load_settings()
    target = collection or settings.collection
    if plan:
        _print_plan(request, target, settings, as_json=as_json)
        return
    with display() as progress:
        report = run_ingest(request, target, settings, progress)
    _print(report, as_json=as_json)


def _named(sources: list[str] | None, *, given_otherwise: bool) -> list[str]:
    if not sources and not given_otherwise:
        raise typer.BadParameter(
            "name files, folders, archives or pages, or give --faq, or --sql and --query."
        )
    return sources or []


def _row_query(url: str | None, query: str | None, name: str | None) -> RowQuery | None:
    from ingest.sources.sql import RowQuery

    if (url is None) != (query is None):
        raise typer.BadParameter("--sql and --query go together: give both, or neither.")
    return RowQuery(url, query, name) if url is not None and query is not None else None


def _print_plan(request: IngestRequest, collection: str, settings: Settings, *, as_json: bool) -> None:
    from ingest.pipeline import plan_ingest

    plan = plan_ingest(request, collection, settings)
    typer.echo(json.dumps(plan.to_json(), ensure_ascii=False) if as_json else "\n".join(plan.lines()))


def _print(report: IngestReport, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        typer.echo(report.summary())
        for failure in report.failures:
            typer.echo(f"  failed  {failure.path}  [{failure.code}] {failure.reason}", err=True)
    if report.failures:
        raise typer.Exit(PARTIAL_SUCCESS)


@config_app.callback()
def config_group() -> None:
    """Show the settings."""  # without a callback, Typer would make a lone command the group itself


@config_app.command("show")
def config_show(as_json: JsonOption = False) -> None:
    """Print every setting with its value and where it came from; secrets are masked."""
    settings, origins = load_settings_with_origins()
    values = {key: _printable(settings, key) for key in origins}
    if as_json:
        typer.echo(json.dumps({key: {"value": values[key], "from": origins[key]} for key in origins}))
        return
    for key, origin in origins.items():
        typer.echo(f"{key} = {values[key]}    # {origin}")


def _printable(settings: Settings, key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = getattr(value, part)
    return str(value) if isinstance(value, SecretStr | Path | Enum) else value
