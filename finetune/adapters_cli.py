"""``troika adapters``: which adapters are kept, and which is served."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ingest.cli import JsonOption
from ingest.settings import load_settings

if TYPE_CHECKING:
    from service.release import AdapterRecord, Release

adapters_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="List, promote and roll back adapters."
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
        rows = [adapter_json(record, served=record.name == served) for record in records]
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


def adapter_json(record: AdapterRecord, *, served: bool) -> dict[str, Any]:
    """An adapter as it is printed."""
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


def _show_release(release: Release, as_json: bool) -> None:
    if as_json:
        adapter = None if release.adapter is None else release.adapter.name
        _print_json({"release": release.name, "adapter": adapter, "prompt_id": release.prompt_id})
    else:
        typer.echo(f"served: {release.name}")


def _print_json(document: object) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))
