"""``troika eval suite``: many data sets and generators in one go, as the tables of a README."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def suite(
    plan: Annotated[Path, typer.Argument(help="TOML file that says what is measured.")],
    data: Annotated[Path, typer.Option(help="Folder that holds the sets of the plan.")],
    out: Annotated[
        Path | None, typer.Option(help="Where answers and reports are kept; default TROIKA_HOME/suites/NAME.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only the part of each set that the plan has for this.")
    ] = False,
) -> None:
    """Search and answer every set of a plan, keep each run with its report, and print tables in Markdown."""
    from eval.suite.plan import read_plan
    from eval.suite.run import SuiteRequest, run_suite
    from eval.suite.tables import suite_markdown
    from ingest.settings import load_settings

    settings = load_settings()
    folder = out or settings.home / "suites" / f"{plan.stem}{'-quick' if quick else ''}"
    request = SuiteRequest(read_plan(plan), data, folder, quick)
    result = run_suite(settings, request, lambda line: typer.echo(line, err=True))
    typer.echo(suite_markdown(result))
