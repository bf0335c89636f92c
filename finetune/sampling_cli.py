"""``troika finetune rft`` and ``rlaif``: learning from what the serving generator itself writes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from finetune.export_cli import FalseRefusalsOption, HeldOutOption
from finetune.train_cli import ConfigOption, Overrides
from ingest.cli import JsonOption
from ingest.settings import load_settings


def rft(
    data: Annotated[Path, typer.Option(help="Examples, as `troika finetune data build` writes them.")],
    adapter: Annotated[
        str | None, typer.Option(help="Kept adapter, or `base`, to sample first; default what is served.")
    ] = None,
    held_out: HeldOutOption = None,
    false_refusals: FalseRefusalsOption = 0.1,
    config: ConfigOption = None,
    overrides: Overrides = None,
    as_json: JsonOption = False,
) -> None:
    """Sample answers, keep those that rules find right, and train on them, for one to three rounds."""
    from finetune.rft import HeldOut, run_rft
    from finetune.settings.rft import RftConfig
    from finetune.settings.train_config import read_config

    read = read_config(RftConfig, "rft", config, overrides or ())
    rounds = run_rft(
        load_settings(),
        read,
        data,
        adapter,
        held_out=None if held_out is None else HeldOut(held_out, false_refusals),
        say=lambda line: typer.echo(line, err=as_json),
    )
    if as_json:
        typer.echo(json.dumps([asdict(done) for done in rounds], indent=2, default=str))
        return
    for number, done in enumerate(rounds, start=1):
        typer.echo(
            f"round {number}: {done.right_share:.1%} of the answers right, {done.solved_share:.1%} of the "
            f"questions solved; {done.examples} examples, {done.own_words} in its own words; {done.adapter}"
        )


def rlaif(
    data: Annotated[Path, typer.Option(help="Examples, as `troika finetune data build` writes them.")],
    output: Annotated[Path, typer.Option(help="File of preference pairs to write, for `finetune dpo`.")],
    labels: Annotated[
        Path | None, typer.Option(help="Pairs that people judged: the judge's agreement with them is told.")
    ] = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
    as_json: JsonOption = False,
) -> None:
    """Criticise, revise and compare answers under a constitution; what both orders agree on is kept."""
    from finetune.rlaif.run import run_rlaif
    from finetune.settings.rlaif import RlaifConfig
    from finetune.settings.train_config import read_config

    section = read_config(RlaifConfig, "rlaif", config, overrides or ()).rlaif
    report = run_rlaif(load_settings(), section, data, output, labels)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2, default=str))
        return
    typer.echo(f"{report.pairs} pairs: {report.output}")
    for reason, count in report.dropped.items():
        typer.echo(f"  {reason}: {count}", err=True)
    if report.agreement is not None:
        typer.echo(agreement_line(report.agreement.kappa, report.agreement.decided, report.agreement.pairs))


def agreement_line(kappa: float | None, decided: int, pairs: int) -> str:
    """The judge's agreement with people in words."""
    told = "not defined" if kappa is None else f"{kappa:.2f}"
    return f"agreement with people: kappa {told} over {decided} of {pairs} pairs that it decided"
