"""``troika eval compare`` and ``troika eval gate``: is one run better than another, and good enough?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eval.decision.pairs import Pairs

EXIT_REFUSED = 1

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def compare(
    first: Annotated[Path, typer.Argument(help="Folder of run A, that `troika eval answers` wrote.")],
    second: Annotated[Path, typer.Argument(help="Folder of run B, over the same cases.")],
    common: Annotated[
        bool, typer.Option("--common", help="Leave out cases that only one of the runs has.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say of every measure whether run B is better or worse than run A, or how many cases would tell."""
    from rich.console import Console

    from eval.decision.compare import compare as compare_pairs
    from eval.decision.comparison_table import comparison_lines
    from eval.decision.pairs import pair_runs
    from eval.runs.folder import open_run

    comparison = compare_pairs(pair_runs(open_run(first), open_run(second), common=common))
    if as_json:
        typer.echo(json.dumps(comparison.to_json(), ensure_ascii=False, indent=2))
    else:
        Console().print(comparison_lines(comparison))


def gate(
    candidate: Annotated[Path | None, typer.Option(help="Folder of the run that is to be let in.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="Folder of the run of what is served.")] = None,
    general_candidate: Annotated[
        Path | None, typer.Option(help="The candidate's run over general cases.")
    ] = None,
    general_baseline: Annotated[
        Path | None, typer.Option(help="The baseline's run over general cases.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="What is asked of the candidate, in TOML; default --print-config.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The report; default gate.json of the candidate.")] = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the default configuration, and decide nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Decide whether a candidate may replace what is served: exit 0 if so, 1 if not, with the reasons."""
    from eval.decision.gate import judge
    from eval.decision.gate_config import DEFAULT_CONFIG, read_gate_config
    from eval.decision.gate_report import REPORT, gate_report, gate_report_json, write_gate_report
    from ingest.errors import UsageError

    if print_config:
        typer.echo(DEFAULT_CONFIG.read_text("utf-8"), nl=False)
        return
    asked = read_gate_config(config or DEFAULT_CONFIG)
    target = _pair(baseline, candidate)
    general = _pair(general_baseline, general_candidate)
    if target is None or candidate is None:
        raise UsageError("a gate compares two runs: give --candidate and --baseline.")
    report = gate_report(asked, judge(asked, target, general), target, general)
    path = out or candidate / REPORT
    write_gate_report(path, report)
    if as_json:
        typer.echo(gate_report_json(report), nl=False)
    else:
        for finding in report.findings:
            typer.echo(f"{'ok' if finding.passed else 'NO'}  {finding.reason}")
        typer.echo(f"{'let in' if report.passed else 'refused'}: {path}, SHA-256 {report.sha256}")
    if not report.passed:
        raise typer.Exit(EXIT_REFUSED)


def _pair(baseline: Path | None, candidate: Path | None) -> Pairs | None:
    """The runs in two folders, paired by case; None without any."""
    from eval.decision.pairs import pair_runs
    from eval.runs.folder import open_run
    from ingest.errors import UsageError

    if baseline is None and candidate is None:
        return None
    if baseline is None or candidate is None:
        raise UsageError(
            f"{baseline or candidate} is one run, and a gate compares two: give the candidate's and the "
            "baseline's over the same cases."
        )
    return pair_runs(open_run(baseline), open_run(candidate))
