"""``troika finetune`` and ``troika adapters``. Everything heavy is imported inside the commands."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from finetune.adapters_cli import adapters_app
from finetune.data_checks_cli import data_check, data_synthesize
from finetune.data_cli import data_app
from finetune.encoders_cli import embedder, reranker
from finetune.export_cli import export, merge, parity
from finetune.methods_cli import mount_methods
from finetune.mine_cli import data_mine
from finetune.recommend_cli import recommend
from finetune.sampling_cli import rft, rlaif
from ingest.cli import JsonOption
from ingest.settings import load_settings

__all__ = ["adapters_app", "finetune_app"]

finetune_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Make training data, train and export."
)

data_app.command("check")(data_check)
data_app.command("mine")(data_mine)
data_app.command("synthesize")(data_synthesize)
finetune_app.add_typer(data_app, name="data")
mount_methods(finetune_app)
finetune_app.command()(rft)
finetune_app.command()(rlaif)
finetune_app.command()(embedder)
finetune_app.command()(reranker)
finetune_app.command()(merge)
finetune_app.command()(export)
finetune_app.command()(parity)
finetune_app.command()(recommend)


@finetune_app.command("demo")
def demo(as_json: JsonOption = False) -> None:
    """Fine-tune on the sample handbook, show answers before and after, and serve what is found better."""
    from finetune.demo import run_demo

    report = run_demo(load_settings(), lambda line: typer.echo(line, err=as_json))
    if as_json:
        typer.echo(json.dumps(asdict(report), ensure_ascii=False, indent=2, default=str))
        return
    table = Table(show_lines=True)
    for heading in ("question", "expected", "before", "after"):
        table.add_column(heading, overflow="fold")
    for row in report.answers:
        table.add_row(row.question, row.expected or "(a refusal)", row.before, row.after)
    Console().print(table)
    typer.echo(f"{report.seconds:.0f} s in all.")
    if report.refusal is None:
        typer.echo(f"{report.adapter} is served now; `troika adapters rollback` goes back.")
    else:
        typer.echo(f"{report.refusal}\nTry it all the same: troika ask QUESTION --release {report.adapter}")
