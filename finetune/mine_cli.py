"""``troika finetune data mine``. Everything heavy is imported inside the command."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune.data_checks_cli import NamesOption, name_finder
from ingest.cli import JsonOption
from ingest.settings import load_settings

if TYPE_CHECKING:
    from finetune.data.mine_rows import Mined


def data_mine(
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Judged at this time (UTC) or later."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder to write to; default TROIKA_HOME/data.")] = None,
    redact: Annotated[bool, typer.Option("--redact", help="Put placeholders for personal data.")] = False,
    names: NamesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn what readers said of answers into rows to train the generator and the retriever on."""
    from finetune.data.mine import mine
    from finetune.data.mine_collections import opened_collections, opened_history

    settings = load_settings()
    with opened_history(settings) as history, opened_collections(settings) as collections:
        mined = mine(history, collections, since and since.replace(tzinfo=UTC))
    if redact or names:
        mined.redact(name_finder(names or ()))
    _show(mined, mined.write(output or settings.home / "data"), as_json)


def _show(mined: Mined, files: dict[str, Path], as_json: bool) -> None:
    rows = {kind: len(kept) for kind, kept in mined.kinds.items()}
    left_out = {reason.value: count for reason, count in mined.left_out.items() if count}
    if as_json:
        report = {
            "rows": rows,
            "blame": mined.blame(),
            "left_out": left_out,
            "files": {kind: str(path) for kind, path in files.items()},
        }
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return
    for kind, path in files.items():
        typer.echo(f"{rows[kind]} rows for {kind}: {path}")
    if not files:
        typer.echo("no judgement of an answer teaches anything yet")
    for reason, count in left_out.items():
        typer.echo(f"  left out  {count}: {reason}", err=True)
