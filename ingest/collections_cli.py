"""``troika collections``: what there is, whether it is whole, and how to go back."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ingest.choices import StoreKind
from ingest.errors import IncompatibleSnapshotError, SnapshotCorruptError
from ingest.progress_display import display
from ingest.settings import load_settings
from ingest.snapshots.collection import Collection, list_collections

collections_app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List, show, verify, roll back, migrate and drop collections.",
)

_STORE_NAMES = {StoreKind.FAISS: "files (FAISS and tantivy)", StoreKind.MILVUS: "Milvus"}

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
NameArgument = Annotated[str, typer.Argument(help="The collection.")]


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
    from ingest.snapshots.manifest import read_manifest

    row: dict[str, Any] = {"collection": collection.name, "snapshot": None}
    try:
        row["snapshot"] = collection.current_id()
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
    from ingest.filters.facets import PAGE
    from ingest.snapshots.docstore_rows import BUILT_IN_KEYS
    from ingest.snapshots.fitted import index_fingerprint, read_fitted
    from ingest.snapshots.snapshot import open_snapshot

    settings = load_settings()
    home = settings.home
    with closing(open_snapshot(home, collection, settings.store)) as snapshot:
        manifest, documents = snapshot.manifest, snapshot.documents.document_summaries()
        values = snapshot.documents.value_counts()
    kept = [path.name for path in Collection(home, collection).published()]
    fitted = read_fitted(Collection(home, collection).directory)
    applies = fitted is not None and fitted.index == index_fingerprint(manifest)
    if as_json:
        shown = {
            "manifest": asdict(manifest),
            "snapshots": kept,
            "fitted": None if fitted is None else asdict(fitted) | {"applies": applies},
            "metadata": values,
            "documents": [asdict(document) for document in documents],
        }
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    embedder, chunking = manifest.embedder, manifest.chunking
    typer.echo(f"{collection}: snapshot {manifest.id}, made {manifest.created_at}")
    typer.echo(f"  embedder {embedder.model} ({embedder.backend}, {embedder.dimension} dimensions)")
    typer.echo(
        f"  chunks of at most {chunking.max_tokens} tokens ({chunking.strategy}); {manifest.chunks} in all, "
        f"{manifest.chunks - manifest.indexed} repeat another, {manifest.unembedded} have no vector yet"
    )
    typer.echo(f"  vectors and BM25 in {_STORE_NAMES[manifest.store.kind]}")
    typer.echo(f"  snapshots kept: {' '.join(kept)}")
    counted = "".join(f"{key} ({count}), " for key, count in values.items())
    typer.echo(f"  to filter by, with how many values: {counted}{', '.join((*BUILT_IN_KEYS, PAGE))}")
    if fitted is not None:
        ignored = "" if applies else "; ignored, since embedder, chunking or terms have changed"
        typer.echo(
            f"  fitted to {fitted.queries} queries of {fitted.labels}: "
            f"dense_weight {fitted.dense_weight}, depth {fitted.depth}{ignored}"
        )
    table = Table("language", "pages", "title", "uri")
    for document in documents:
        table.add_row(document.language, str(document.pages or "-"), document.title, document.uri)
    _literal_console().print(table)


@collections_app.command("verify")
def verify_command(
    collection: NameArgument,
    repair: Annotated[
        bool, typer.Option("--repair", help="Derive again what is damaged, or go back to a whole snapshot.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Prove that documents, vectors and BM25 agree: exit 0 if so, 1 if not, 2 without such a collection."""
    from ingest.snapshots.verify import verify_collection

    settings = load_settings()
    done: str | None = None
    if repair:
        from ingest.snapshots.repair import repair_collection

        with display() as progress:
            done = repair_collection(settings, collection, progress).done
    found = verify_collection(settings.home, collection, settings.store)
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"repair": done}, ensure_ascii=False))
    else:
        if done is not None:
            typer.echo(f"{collection}: {done}.")
        for problem in found.problems:
            typer.echo(f"{collection}: {problem}", err=True)
        if not found.problems:
            counts = f"{found.documents} documents and {found.chunks} chunks agree"
            typer.echo(f"{collection}: {counts} ({found.snapshot}).")
    if found.problems:
        raise typer.Exit(1)


@collections_app.command("rollback")
def rollback_command(
    collection: NameArgument,
    to: Annotated[str | None, typer.Option("--to", help="Snapshot; default the one before.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make an earlier snapshot current again, after checking that it is whole. Nothing is deleted."""
    from ingest.snapshots.repair import roll_back

    settings = load_settings()
    snapshot = roll_back(settings.home, collection, to, settings.store)
    if as_json:
        typer.echo(json.dumps({"collection": collection, "snapshot": snapshot}))
    else:
        typer.echo(f"{collection}: {snapshot} is current again.")


@collections_app.command("migrate")
def migrate_command(
    collection: NameArgument,
    to: Annotated[StoreKind, typer.Option("--to", help="Where vectors and BM25 go.")],
    as_json: JsonOption = False,
) -> None:
    """Move a collection between files and Milvus; nothing is embedded again, and rollback undoes it."""
    from ingest.snapshots.migrate import migrate_collection

    manifest = migrate_collection(load_settings(), collection, to)
    if as_json:
        typer.echo(json.dumps({"collection": collection, "snapshot": manifest.id, "store": to}))
    else:
        counts = f"{manifest.documents} documents and {manifest.chunks} chunks"
        typer.echo(f"{collection}: {counts} are in {_STORE_NAMES[to]} ({manifest.id}).")


@collections_app.command("drop")
def drop_command(
    collection: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a collection with all its snapshots. The documents themselves are not touched."""
    from ingest.stores.choose import drop_collection

    settings = load_settings()
    target = Collection(settings.home, collection)
    target.require_current()
    if not yes:
        typer.confirm(f"Delete the collection {collection!r} with all its snapshots?", abort=True)
    with target.writing():
        drop_collection(target, settings.store)
    typer.echo(f"{collection}: deleted.")
