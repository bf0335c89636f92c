"""``troika adapters``: which adapters are kept, which is served, and how that came about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ingest.cli import JsonOption
from ingest.settings import Settings, load_settings

if TYPE_CHECKING:
    from service.releases.release import AdapterRecord
    from service.releases.release_history import ReleaseRecord

adapters_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="List, promote and roll back adapters."
)


@adapters_app.command("list")
def adapters_list(as_json: JsonOption = False) -> None:
    """List the kept adapters; the one that is served is marked."""
    from service.releases.served import served_name, usable_adapters

    settings = load_settings()
    served, records = served_name(settings), usable_adapters(settings)
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


@adapters_app.command("add")
def adapters_add(
    folder: Annotated[Path, typer.Argument(help="An adapter's folder, kept or exported on another machine.")],
    as_json: JsonOption = False,
) -> None:
    """Keep an adapter that was trained elsewhere, once its files are seen to be what its manifest says."""
    from service.releases.adapters import add_adapter

    record = add_adapter(load_settings().home, folder)
    if as_json:
        _print_json(adapter_json(record, served=False))
    else:
        typer.echo(f"kept {record.name} in {record.path}")


@adapters_app.command("promote")
def adapters_promote(
    name: Annotated[str, typer.Argument(help="A kept adapter, or `base`, which needs no report.")],
    report: Annotated[
        Path | None, typer.Option(help="The gate.json of `troika eval gate` that lets it in.")
    ] = None,
    canary: Annotated[
        str | None, typer.Option(help="Let it answer only this share of the conversations, such as 5%.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Serve an adapter from now on; a running server takes it over with its next question."""
    from finetune.promote import promote_proven

    settings = load_settings()
    promote_proven(settings, name, report, None if canary is None else _share(canary))
    _show_served(settings, as_json)


@adapters_app.command("canary")
def adapters_canary(as_json: JsonOption = False) -> None:
    """Show the canary that runs, and what its guards see."""
    from service.history.history import open_history
    from service.releases.adapter_schemas import CanaryBody
    from service.releases.canary_watch import canary_state

    settings = load_settings()
    history = open_history(settings)
    try:
        state = canary_state(settings.home, history, settings.canary)
    finally:
        history.close()
    if as_json:
        _print_json({"canary": None if state is None else CanaryBody.of(state).model_dump(mode="json")})
    elif state is None:
        typer.echo("no canary runs")
    else:
        typer.echo(
            f"{state.canary.release} answers {state.canary.share:.3%} since {state.record.created_at}, "
            f"the rest {state.record.release}"
        )
        for reading in state.readings:
            mark = "NO" if reading.tripped else "ok" if reading.is_enough else "--"
            typer.echo(f"{mark}  {reading.told()}")


@adapters_app.command("rollback")
def adapters_rollback(as_json: JsonOption = False) -> None:
    """Serve again what was served before; a canary that runs is ended."""
    from service.releases.promotion import rollback

    settings = load_settings()
    rollback(settings.home)
    _show_served(settings, as_json)


@adapters_app.command("history")
def adapters_history(
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the chain of digests and the kept reports first.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what was served when, by which report, and why it ended."""
    from finetune.promote import verify_releases
    from service.releases.release_history import read_history

    home = load_settings().home
    rows = history_json(verify_releases(home) if verify else read_history(home))
    if as_json:
        _print_json({"verified": verify, "releases": rows})
        return
    for row in rows:
        canary = f", canary {row['canary']['release']}" if row["canary"] else ""
        report = (row["canary"] or row)["report_sha256"]
        proof = f" (report {report[:12]})" if report else ""
        typer.echo(
            f"{row['number']:06}  {row['created_at']}  {row['release']}{canary}: {row['reason']}{proof}"
        )
    if verify:
        typer.echo(f"the chain of {len(rows)} records is whole")


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
        "refusal_bias": record.refusal_bias,
        "path": str(record.path),
    }


def history_json(records: Sequence[ReleaseRecord]) -> list[dict[str, Any]]:
    """The history as it is printed: each record with what it replaced, and with what ended it."""
    replaced = [None, *(record.release for record in records)]
    ended = [*records[1:], None]
    return [
        {
            **asdict(record),
            "replaced": before,
            "ended_at": None if after is None else after.created_at,
            "ended_by": None if after is None else after.reason,
        }
        for record, before, after in zip(records, replaced, ended, strict=False)
    ]


def _share(text: str) -> float:
    from ingest.errors import UsageError

    number, percent, rest = text.partition("%")
    try:
        if not percent or rest:
            raise ValueError
        return float(number) / 100
    except ValueError:
        raise UsageError(f"--canary is {text!r}: expected a percentage with its sign, such as 5%.") from None


def _show_served(settings: Settings, as_json: bool) -> None:
    from service.releases.release import read_candidate
    from service.releases.served import served_release

    release, candidate = served_release(settings), read_candidate(settings.home)
    adapter = None if release.adapter is None else release.adapter.name
    canary = None if candidate is None else candidate.name
    if as_json:
        served = {"release": release.name, "adapter": adapter, "prompt_id": release.prompt_id}
        _print_json({**served, "canary": canary})
    else:
        typer.echo(f"served: {release.name}" + (f", canary: {canary}" if canary else ""))


def _print_json(document: object) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))
