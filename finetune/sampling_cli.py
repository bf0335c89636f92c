"""``troika finetune rft`` and ``rlaif``: learning from what the serving generator itself writes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune.export_cli import FalseRefusalsOption, HeldOutOption, most_false_refusals
from finetune.train_cli import ConfigOption, Overrides
from ingest.cli import JsonOption
from ingest.errors import UsageError
from ingest.settings import load_settings

if TYPE_CHECKING:
    from finetune.rft import Round
    from finetune.rlaif.run import RlaifReport

ExamplesOption = Annotated[
    Path | None, typer.Option(help="Examples, as `troika finetune data build` writes them.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Check everything and show the plan; sample and write nothing.")
]
ResumeOption = Annotated[
    Path | None, typer.Option(help="Continue this run's folder behind what it sampled, as it was started.")
]


def rft(
    data: ExamplesOption = None,
    adapter: Annotated[
        str | None, typer.Option(help="Kept adapter, or `base`, to sample first; default what is served.")
    ] = None,
    held_out: HeldOutOption = None,
    false_refusals: FalseRefusalsOption = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
    dry_run: DryRunOption = False,
    resume: ResumeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sample answers, keep those that rules find right, and train on them, for one to three rounds."""
    from finetune.rft import resume_rft, run_rft
    from finetune.sampling.plan import show_plan
    from finetune.sampling.rft_plan import plan_rft
    from finetune.sampling.rft_request import HeldOut
    from finetune.settings.rft import RftConfig
    from finetune.settings.train_config import read_config

    def say(line: str) -> None:
        typer.echo(line, err=as_json)

    if resume is not None:
        _stands_alone(data, adapter, held_out, config, overrides, dry_run, false_refusals is not None)
        return _show_rounds(resume_rft(load_settings(), resume, say=say), as_json)
    if data is None:
        raise _nothing_to_sample("--data")
    most_false = most_false_refusals(held_out, false_refusals)
    held = None if held_out is None else HeldOut(held_out, most_false)
    read = read_config(RftConfig, "rft", config, overrides or ())
    settings = load_settings()
    if dry_run:
        return show_plan(plan_rft(settings, read, data, adapter, held), as_json)
    return _show_rounds(run_rft(settings, read, data, adapter, held_out=held, say=say), as_json)


def rlaif(
    data: ExamplesOption = None,
    output: Annotated[
        Path | None, typer.Option(help="File of preference pairs to write, for `finetune dpo`.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Pairs that people judged: the judge's agreement with them is told.")
    ] = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
    dry_run: DryRunOption = False,
    resume: ResumeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Criticise, revise and compare answers under a constitution; what both orders agree on is kept."""
    from finetune.rlaif.request import plan_rlaif
    from finetune.rlaif.run import resume_rlaif, run_rlaif
    from finetune.sampling.plan import show_plan
    from finetune.settings.rlaif import RlaifConfig
    from finetune.settings.train_config import read_config

    if resume is not None:
        _stands_alone(data, output, labels, config, overrides, dry_run)
        return _show_pairs(resume_rlaif(load_settings(), resume), as_json)
    if data is None or output is None:
        raise _nothing_to_sample("--data and a file to write with --output")
    section = read_config(RlaifConfig, "rlaif", config, overrides or ()).rlaif
    settings = load_settings()
    if dry_run:
        return show_plan(plan_rlaif(settings, section, data, output, labels), as_json)
    report = run_rlaif(settings, section, data, output, labels, say=lambda line: typer.echo(line, err=True))
    return _show_pairs(report, as_json)


def agreement_line(kappa: float | None, decided: int, pairs: int) -> str:
    """The judge's agreement with people in words."""
    told = "not defined" if kappa is None else f"{kappa:.2f}"
    return f"agreement with people: kappa {told} over {decided} of {pairs} pairs that it decided"


def _stands_alone(*others: object) -> None:
    if any(others):
        raise UsageError(
            "--resume continues a run as it was started: leave the data and all other settings out."
        )


def _nothing_to_sample(missing: str) -> UsageError:
    return UsageError(
        f"there is nothing to sample for: name examples with {missing}, or a run with --resume."
    )


def _show_rounds(rounds: list[Round], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(done) for done in rounds], indent=2, default=str))
        return
    for number, done in enumerate(rounds, start=1):
        typer.echo(
            f"round {number}: {done.right_share:.1%} of the answers right, {done.solved_share:.1%} of the "
            f"questions solved; {done.examples} examples, {done.own_words} in its own words; {done.adapter}"
        )


def _show_pairs(report: RlaifReport, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2, default=str))
        return
    typer.echo(f"{report.pairs} pairs: {report.output}")
    for reason, count in report.dropped.items():
        typer.echo(f"  {reason}: {count}", err=True)
    if report.agreement is not None:
        typer.echo(agreement_line(report.agreement.kappa, report.agreement.decided, report.agreement.pairs))
