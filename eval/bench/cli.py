"""``troika bench``: measure this machine. Everything heavy is imported inside the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eval.bench.ingest_figures import Part

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


@bench_app.command()
def ingest(
    only: Annotated[list[Part] | None, typer.Option(help="Measure this part; may be repeated.")] = None,
    pages: Annotated[int, typer.Option(min=1, help="Pages of text PDFs.")] = 1_000,
    embedded_chunks: Annotated[int, typer.Option(min=1, help="Chunks of 256 tokens to embed.")] = 256,
    chunks: Annotated[int, typer.Option(min=20, help="Chunks of the collection that is changed.")] = 100_000,
    files: Annotated[int, typer.Option(min=1, help="Unchanged small files.")] = 10_000,
    memory_pages: Annotated[int, typer.Option(min=1, help="Pages whose ingest is watched.")] = 2_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
) -> None:
    """Speed and memory of a bulk ingest beside its goals and its peers, in a fresh home."""
    from rich.console import Console

    from eval.bench.ingest import Sizes, run_ingest_bench
    from eval.bench.ingest_figures import ingest_lines, ingest_markdown

    sizes = Sizes(pages, embedded_chunks, chunks, files, memory_pages)
    figures = run_ingest_bench(sizes, only or tuple(Part))
    if as_json:
        typer.echo(json.dumps(figures.to_json(), ensure_ascii=False, indent=2))
    elif markdown:
        typer.echo(ingest_markdown(figures))
    else:
        Console(stderr=True).print(ingest_lines(figures))
