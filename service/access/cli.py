"""``troika keys``: who may ask a server that asks for keys."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ingest.cli import JsonOption
from ingest.errors import SettingsError
from ingest.settings import load_settings
from service.access.caller import Scope
from service.access.key_store import KeyStore
from service.access.keys import ApiKey, KeyGrant
from service.access.rates import Rate

keys_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Make, list, revoke and rotate API keys."
)

_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


def read_span(text: str) -> timedelta:
    """A span of time, as ``90d``, ``12h`` or ``30min``.

    Raises:
        SettingsError: it is not of that form.
    """
    found = re.fullmatch(r"([1-9]\d{0,5})(min|h|d)", text)
    if found is None:
        raise SettingsError(f"{text[:40]!r} is no span of time: expected as 90d, 12h or 30min.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


NameArgument = Annotated[str, typer.Argument(help="Who holds the key: an application or a person.")]


@keys_app.command("create")
def create_command(
    name: NameArgument,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may do; repeat it. Default query and feedback.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="A group whose documents it may see; repeat it.")
    ] = None,
    rate: Annotated[
        Rate | None, typer.Option(parser=Rate.parse, metavar="RATE", help="Requests, as 60/min.")
    ] = None,
    quota: Annotated[
        Rate | None, typer.Option(parser=Rate.parse, metavar="RATE", help="Requests, as 10000/day.")
    ] = None,
    expires: Annotated[
        timedelta | None, typer.Option(parser=read_span, metavar="SPAN", help="Its end, as 90d from now.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it, this once."""
    scopes = frozenset(scope or (Scope.QUERY, Scope.FEEDBACK))
    grant = KeyGrant(name, scopes, frozenset(group or ()), rate, quota)
    with _store() as store:
        told, key = store.create(grant, None if expires is None else datetime.now(UTC) + expires)
    _tell(told, key, as_json=as_json)


@keys_app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """Show every key, without its secret."""
    with _store() as store:
        rows = [_row(key) for key in store.all()]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    columns = ("id", "name", "state", "scopes", "groups", "rate", "quota", "expires_at")
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    Console(markup=False, emoji=False, highlight=False).print(table)


@keys_app.command("revoke")
def revoke_command(
    key: Annotated[str, typer.Argument(help="The name or the id.")], as_json: JsonOption = False
) -> None:
    """End a key; a running server refuses it within a second."""
    with _store() as store:
        ended = store.revoke(key)
    if as_json:
        typer.echo(json.dumps([each.id for each in ended]))
    else:
        typer.echo("revoked " + ", ".join(f"{each.id} ({each.grant.name})" for each in ended))


@keys_app.command("rotate")
def rotate_command(
    name: NameArgument,
    overlap: Annotated[
        timedelta | None,
        typer.Option(parser=read_span, metavar="SPAN", help="How long the old key is still taken, as 1h."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make another key with the same rights and the same end, and print it, this once."""
    with _store() as store:
        told, key = store.rotate(name, overlap or timedelta())
    _tell(told, key, as_json=as_json)


@contextmanager
def _store() -> Generator[KeyStore]:
    with closing(KeyStore(load_settings().home)) as store:
        yield store


def _tell(told: str, key: ApiKey, *, as_json: bool) -> None:
    """The key alone on standard output, so that a shell can catch it."""
    if as_json:
        typer.echo(json.dumps(_row(key) | {"key": told}, ensure_ascii=False))
        return
    typer.echo(told)
    typer.echo(f"This is the key of {key.grant.name}; it is not kept and not shown again.", err=True)


def _row(key: ApiKey) -> dict[str, Any]:
    grant = key.grant
    state = "valid" if key.is_valid(datetime.now(UTC)) else "revoked" if key.revoked_at else "expired"
    return {
        "id": key.id,
        "name": grant.name,
        "state": state,
        "scopes": sorted(grant.scopes),
        "groups": sorted(grant.groups),
        "rate": None if grant.rate is None else str(grant.rate),
        "quota": None if grant.quota is None else str(grant.quota),
        "created_at": key.created_at.isoformat(timespec="seconds"),
        "expires_at": key.expires_at and key.expires_at.isoformat(timespec="seconds"),
    }


def _cell(value: str | list[str] | None) -> str:
    return ", ".join(value) if isinstance(value, list) else value or "-"
