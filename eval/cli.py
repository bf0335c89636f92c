"""``troika eval``: measure retrieval and answers. Everything heavy is imported inside the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.retrieve_mode import SearchMode

if TYPE_CHECKING:
    from rich.console import RenderableType

EXIT_PARTIAL = 3

eval_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Measure retrieval and answers, with 95 % intervals."
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Evaluate only this many, from the start of the file.")
]


@eval_app.command()
def retrieval(
    dataset: Annotated[Path, typer.Option(help="Folder in the BEIR layout: corpus, queries, qrels.")],
    mode: Annotated[SearchMode, typer.Option(help="Which indexes are asked.")] = SearchMode.HYBRID,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """nDCG@10, Recall@10, Recall@100 and MRR of a data set; its index is built once and kept."""
    from eval.evaluate import evaluate_retrieval
    from eval.report import retrieval_lines
    from ingest.settings import load_settings

    # Only searches are measured, so no model that writes answers is loaded.
    settings = load_settings({"generator.kind": "extractive"})
    report = evaluate_retrieval(settings, dataset, mode, limit)
    _show(report.to_json(), retrieval_lines(report), as_json)


@eval_app.command()
def answers(
    cases: Annotated[Path, typer.Option(help="JSON Lines of questions with their answers.")],
    collection: Annotated[str | None, typer.Option(help="Answer from this collection.")] = None,
    oracle: Annotated[bool, typer.Option("--oracle", help="Answer from each case's own passages.")] = False,
    generator: Annotated[str | None, typer.Option(help="llama-cpp, openai or extractive.")] = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Exact match, token F1, refusals and citations of the answers to a file of questions."""
    from eval.evaluate import evaluate_answers
    from eval.report import answer_lines
    from ingest.errors import UsageError
    from ingest.settings import load_settings

    if oracle and collection is not None:
        raise UsageError(
            "--oracle answers from the cases' own passages: leave --collection out, or --oracle."
        )
    settings = load_settings({"generator.kind": generator, "collection": collection})
    report = evaluate_answers(settings, cases, oracle=oracle, limit=limit)
    _show(report.to_json(), answer_lines(report), as_json)
    if report.failures:
        raise typer.Exit(EXIT_PARTIAL)


def _show(document: dict[str, object], lines: RenderableType, as_json: bool) -> None:
    from rich.console import Console

    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        Console().print(lines)
