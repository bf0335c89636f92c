"""``troika bench``: measure this machine. Everything heavy is imported inside the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

bench_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Measure speed, memory and quality on this machine."
)

_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@bench_app.callback()
def bench() -> None:
    """Measure speed, memory and quality on this machine."""


@bench_app.command()
def demo(
    handbook: Annotated[Path, typer.Option(help="Folder of documents to ingest.")] = _EXAMPLES / "handbook",
    questions: Annotated[Path, typer.Option(help="Questions about them.")] = _EXAMPLES / "questions.jsonl",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
) -> None:
    """Ingest, retrieval, answers and the server's memory on the sample handbook, in a fresh home."""
    from rich.console import Console

    from eval.bench.demo import run_demo
    from eval.bench.figures import demo_lines, demo_markdown

    figures = run_demo(handbook, questions)
    if as_json:
        typer.echo(json.dumps(figures.to_json(), ensure_ascii=False, indent=2))
    elif markdown:
        typer.echo(demo_markdown(figures))
    else:
        Console().print(demo_lines(figures))
