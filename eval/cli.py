"""``troika eval``: measure retrieval and answers. Everything heavy is imported inside the commands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eval.answers_cli import answers
from eval.calibrate_cli import calibrate, support
from eval.cases_cli import cases_app
from eval.decide_cli import compare, gate
from eval.report_cli import remake_report
from eval.suite_cli import suite
from eval.tune_cli import tune
from service.retrieval.retrieve_mode import SearchMode

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ingest.settings import Settings

eval_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Measure retrieval and answers, with 95 % intervals."
)

eval_app.command()(answers)
eval_app.add_typer(cases_app, name="cases")
eval_app.command("report")(remake_report)
eval_app.command()(compare)
eval_app.command()(gate)
eval_app.command()(tune)
eval_app.command()(suite)
eval_app.command()(calibrate)
eval_app.command()(support)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Evaluate only this many, from the start of the file.")
]


@eval_app.command()
def retrieval(
    dataset: Annotated[
        list[Path] | None, typer.Option(help="Folder in the BEIR layout, or of such folders; repeatable.")
    ] = None,
    mode: Annotated[
        list[SearchMode] | None,
        typer.Option(help="Which indexes are asked; repeatable. Default hybrid, or all for several sets."),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Tell the search of the turns before a query.")
    ] = False,
    fit: Annotated[
        bool, typer.Option("--fit", help="Fit fusion to the queries; kept for the collection if it helps.")
    ] = False,
    collection: Annotated[str | None, typer.Option(help="With --fit and --cases: what is fitted.")] = None,
    cases: Annotated[
        Path | None, typer.Option(help="With --fit: questions that name the document with their answer.")
    ] = None,
    limit: Limit = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table in Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """nDCG@10, Recall@10, Recall@100 and MRR of data sets; the index of each is built once and kept."""
    from eval.retrieval.datasets import dataset_folders
    from eval.retrieval.evaluate import evaluate_retrieval
    from eval.retrieval.report import retrieval_lines
    from eval.retrieval.table import table_lines, table_markdown
    from ingest.errors import UsageError
    from ingest.settings import load_settings

    # Only searches are measured, so no model that writes answers is loaded.
    settings = load_settings({"generator.kind": "extractive", "collection": collection})
    folders = [folder for path in dataset or () for folder in dataset_folders(path)]
    if fit:
        _fit(settings, folders, cases, limit, as_json)
        return
    if not folders or cases is not None:
        raise UsageError("nothing to measure: give --dataset, or --fit with --cases and --collection.")
    modes = mode or ([SearchMode.HYBRID] if len(folders) == 1 else list(reversed(SearchMode)))
    results = [
        evaluate_retrieval(settings, folder, modes, limit=limit, with_history=history) for folder in folders
    ]
    if markdown:
        typer.echo(table_markdown(results))
    elif len(results) == len(modes) == 1:
        report = results[0].reports[modes[0]]
        _show(report.to_json(), retrieval_lines(report), as_json)
    else:
        _show({"sets": [result.to_json() for result in results]}, table_lines(results), as_json)


def _fit(
    settings: Settings, folders: Sequence[Path], cases: Path | None, limit: int | None, as_json: bool
) -> None:
    """Fit the collection of one data set, or a live one to cases."""
    from eval.retrieval.fit_collection import fit_cases, fit_dataset, fit_lines
    from ingest.errors import UsageError

    if len(folders) + (cases is not None) != 1:
        raise UsageError("--fit takes the labels of one collection: give one --dataset, or --cases.")
    report = fit_dataset(settings, folders[0], limit) if cases is None else fit_cases(settings, cases, limit)
    _show(report.to_json(), fit_lines(report), as_json)


def _show(document: dict[str, object], lines: RenderableType, as_json: bool) -> None:
    from rich.console import Console

    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        Console().print(lines)
