"""``troika ingest``, ``troika collections`` and ``troika config``."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Self

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from ingest.collection import Collection, list_collections
from ingest.errors import IncompatibleSnapshotError, SnapshotCorruptError
from ingest.settings import Settings, load_settings, load_settings_with_origins

ingest_app = typer.Typer(add_completion=False)
collections_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="List, show and verify collections."
)
config_app = typer.Typer(add_completion=False, no_args_is_help=True, help="Show the settings.")

PARTIAL_SUCCESS = 3

CollectionOption = Annotated[
    str | None, typer.Option("--collection", "-c", help="Collection; default from settings.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


class Bar:
    """A progress bar on standard error; silent when that is no terminal."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=not Console(stderr=True).is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def start(self, files: int) -> None:
        """Begin to count up to ``files``."""
        self._task = self._bar.add_task("ingest", total=files)

    def advance(self, name: str) -> None:
        """Count one file."""
        if self._task is not None:
            self._bar.update(self._task, advance=1, description=name[:40])


@ingest_app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    collection: CollectionOption = None,
    prune: Annotated[bool, typer.Option("--prune", help="Forget documents whose files vanished.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a collection up to date with files and folders. Unchanged files cost nothing."""
    from ingest.pipeline import ingest_paths

    settings = load_settings()
    with Bar() as bar:
        report = ingest_paths(paths, collection or settings.collection, settings, prune=prune, progress=bar)
    if as_json:
        typer.echo(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        typer.echo(report.summary())
        for failure in report.failures:
            typer.echo(f"  failed  {failure.path}  [{failure.code}] {failure.reason}", err=True)
    if report.failures:
        raise typer.Exit(PARTIAL_SUCCESS)


@collections_app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """Name every collection with its snapshot and size."""
    home = load_settings().home
    rows = [_collection_row(Collection(home, name)) for name in list_collections(home)]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    columns = ("collection", "snapshot", "documents", "chunks")
    table = Table(*columns)
    for row in rows:
        table.add_row(*("-" if row[column] is None else str(row[column]) for column in columns))
    _literal_console().print(table)
    for row in rows:
        if row["problem"]:
            typer.echo(f"{row['collection']}: {row['problem']}", err=True)


def _collection_row(collection: Collection) -> dict[str, Any]:
    """A collection for the list; one that cannot be read does not hide the others."""
    from ingest.snapshot import read_manifest

    row: dict[str, Any] = {"collection": collection.name, "snapshot": collection.current_id()}
    try:
        manifest = read_manifest(collection.require_current())
    except (SnapshotCorruptError, IncompatibleSnapshotError) as error:
        return row | {"documents": None, "chunks": None, "problem": str(error)}
    return row | {"documents": manifest.documents, "chunks": manifest.chunks, "problem": None}


def _literal_console() -> Console:
    """Standard output for text from documents, in which square brackets and colons mean themselves."""
    return Console(markup=False, emoji=False, highlight=False)


@collections_app.command("show")
def show_command(collection: Annotated[str, typer.Argument()], as_json: JsonOption = False) -> None:
    """Show a collection's manifest and its documents."""
    from ingest.snapshot import open_snapshot

    with closing(open_snapshot(load_settings().home, collection)) as snapshot:
        manifest, documents = snapshot.manifest, snapshot.documents.document_summaries()
    if as_json:
        shown = {"manifest": asdict(manifest), "documents": [asdict(document) for document in documents]}
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    embedder, chunking = manifest.embedder, manifest.chunking
    typer.echo(f"{collection}: snapshot {manifest.id}, made {manifest.created_at}")
    typer.echo(f"  embedder {embedder.model} ({embedder.backend}, {embedder.dimension} dimensions)")
    typer.echo(f"  chunks of at most {chunking.max_tokens} tokens; {manifest.chunks} in all")
    table = Table("language", "pages", "title", "uri")
    for document in documents:
        table.add_row(document.language, str(document.pages or "-"), document.title, document.uri)
    _literal_console().print(table)


@collections_app.command("verify")
def verify_command(collection: Annotated[str, typer.Argument()], as_json: JsonOption = False) -> None:
    """Prove that documents, vectors and BM25 agree: exit 0 if so, 1 if not, 2 without such a collection."""
    from ingest.verify import verify_collection

    found = verify_collection(load_settings().home, collection)
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False))
    elif found.problems:
        for problem in found.problems:
            typer.echo(f"{collection}: {problem}", err=True)
    else:
        typer.echo(
            f"{collection}: {found.documents} documents and {found.chunks} chunks agree ({found.snapshot})."
        )
    if found.problems:
        raise typer.Exit(1)


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
