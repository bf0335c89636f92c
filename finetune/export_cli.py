"""``troika finetune export``: what happens to a trained adapter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from finetune.adapters_cli import adapter_json
from ingest.cli import JsonOption
from ingest.settings import load_settings


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    as_json: JsonOption = False,
) -> None:
    """Write a run's adapter as GGUF and keep it, ready to be promoted."""
    from finetune.training.run import export_run, read_run

    record = export_run(load_settings().home, read_run(run))
    if as_json:
        typer.echo(json.dumps(adapter_json(record, served=False), ensure_ascii=False, indent=2))
    else:
        typer.echo(f"kept {record.name}; serve it with `troika adapters promote {record.name}`")
