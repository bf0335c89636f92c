"""``troika eval report``: make the files of a report anew from the records of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eval.sinks.kind import SinkKind


def remake_report(
    run: Annotated[Path, typer.Argument(help="Folder that `troika eval answers --out` wrote.")],
    sink: Annotated[
        list[SinkKind] | None, typer.Option(help="Keep the run there as well; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print report.json on standard output.")] = False,
) -> None:
    """Write report.json, report.html and cases.parquet of a run that was made before."""
    from rich.console import Console

    from eval.reports.answer_table import answer_lines
    from eval.runs.folder import open_run
    from eval.runs.report import report_files, write_report
    from eval.sinks.sink import open_sink
    from ingest.settings import load_settings

    sinks = [open_sink(kind) for kind in sink or ()]
    folder = open_run(run)
    made = write_report(folder, load_settings())
    files = report_files(folder.path)
    if as_json:
        typer.echo(made.canonical_json(), nl=False)
    else:
        Console().print(answer_lines(made))
        for path in files:
            typer.echo(str(path))
    for opened in sinks:
        opened.log_run(made, files)
