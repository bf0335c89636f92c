"""``troika bench``: measure this machine. Everything heavy is imported inside the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from eval.bench.ingest_parts import Part
from eval.bench.peers.names import Peer

if TYPE_CHECKING:
    from rich.console import RenderableType


class Measured(Protocol):
    """What a benchmark found."""

    def to_json(self) -> dict[str, object]: ...


Shown = TypeVar("Shown", bound=Measured)

bench_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Measure speed, memory and quality on this machine."
)

_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")]
PeersPython = Annotated[
    Path | None,
    typer.Option(envvar="BENCH_PYTHON", help="Python that has the peers; .venv-bench's, if there is one."),
]


@bench_app.callback()
def bench() -> None:
    """Measure speed, memory and quality on this machine."""


@bench_app.command()
def demo(
    handbook: Annotated[Path, typer.Option(help="Folder of documents to ingest.")] = _EXAMPLES / "handbook",
    questions: Annotated[Path, typer.Option(help="Questions about them.")] = _EXAMPLES / "questions.jsonl",
    as_json: AsJson = False,
    markdown: AsMarkdown = False,
) -> None:
    """Ingest, retrieval, answers and the server's memory on the sample handbook, in a fresh home."""
    from eval.bench.demo import run_demo
    from eval.bench.figures import demo_lines, demo_markdown

    figures = run_demo(handbook, questions)
    _show(figures, demo_markdown, demo_lines, as_json=as_json, as_markdown=markdown)


@bench_app.command()
def ingest(
    only: Annotated[list[Part] | None, typer.Option(help="Measure this part; may be repeated.")] = None,
    pages: Annotated[int, typer.Option(min=1, help="Pages of text PDFs.")] = 1_000,
    embedded_chunks: Annotated[int, typer.Option(min=1, help="Chunks of 256 tokens to embed.")] = 256,
    chunks: Annotated[int, typer.Option(min=20, help="Chunks of the collection that is changed.")] = 100_000,
    files: Annotated[int, typer.Option(min=1, help="Unchanged small files.")] = 10_000,
    memory_pages: Annotated[int, typer.Option(min=1, help="Pages whose ingest is watched.")] = 2_000,
    peers_python: PeersPython = None,
    as_json: AsJson = False,
    markdown: AsMarkdown = False,
) -> None:
    """Speed and memory of a bulk ingest beside its goals and its peers, in a fresh home."""
    from eval.bench.goal_figures import goal_lines, goal_markdown
    from eval.bench.ingest import Sizes, run_ingest_bench

    sizes = Sizes(pages, embedded_chunks, chunks, files, memory_pages)
    figures = run_ingest_bench(sizes, only or tuple(Part), peers_python)
    _show(figures, goal_markdown, goal_lines, as_json=as_json, as_markdown=markdown)


@bench_app.command()
def retrieval(
    chunks: Annotated[str, typer.Option(help="Chunks of each collection, between commas.")] = "10000,100000",
    dataset: Annotated[list[Path] | None, typer.Option(help="Take its text; may be repeated.")] = None,
    peer: Annotated[list[Peer] | None, typer.Option(help="Compare with it; may be repeated.")] = None,
    peers_python: PeersPython = None,
    plots: Annotated[Path | None, typer.Option(help="Write the plots into this folder.")] = None,
    as_json: AsJson = False,
    markdown: AsMarkdown = False,
) -> None:
    """From a question to its ten best passages, in process, beside other libraries."""
    from eval.bench.retrieval import run_retrieval_bench
    from eval.bench.retrieval_report import retrieval_lines, retrieval_markdown, write_plots
    from ingest.settings import load_settings

    figures = run_retrieval_bench(
        _sizes(chunks), dataset or (), peer or tuple(Peer), peers_python, load_settings()
    )
    if plots is not None:
        write_plots(figures, plots)
    _show(figures, retrieval_markdown, retrieval_lines, as_json=as_json, as_markdown=markdown)


@bench_app.command()
def http(
    chunks: Annotated[int, typer.Option(min=1, help="Chunks of the collection.")] = 100_000,
    dataset: Annotated[list[Path] | None, typer.Option(help="Take its text; may be repeated.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each load is kept up.")] = 10.0,
    as_json: AsJson = False,
    markdown: AsMarkdown = False,
) -> None:
    """Searches over HTTP: latency alone and at half load, the most a second, and the server's memory."""
    from eval.bench.http import run_http_bench
    from eval.bench.http_figures import http_lines, http_markdown
    from ingest.settings import load_settings

    figures = run_http_bench(chunks, dataset or (), seconds, load_settings())
    _show(figures, http_markdown, http_lines, as_json=as_json, as_markdown=markdown)


@bench_app.command()
def generate(
    base_url: Annotated[
        str | None, typer.Option(help="The model server, …/v1; default a stand-in at 50 tokens a second.")
    ] = None,
    model: Annotated[str, typer.Option(help="What the server calls its model.")] = "generator",
    dataset: Annotated[list[Path] | None, typer.Option(help="Take its text; may be repeated.")] = None,
    questions: Annotated[int, typer.Option(min=1, help="Questions of a round.")] = 24,
    rounds: Annotated[int, typer.Option(min=1, help="How often each side is asked them.")] = 5,
    max_tokens: Annotated[int, typer.Option(min=1, help="The longest answer.")] = 96,
    as_json: AsJson = False,
    markdown: AsMarkdown = False,
) -> None:
    """What Troika adds to a model server's first token and throughput, and 500 streams at once."""
    from eval.bench.generate import GenerateRequest, run_generate_bench
    from eval.bench.goal_figures import goal_lines, goal_markdown
    from ingest.settings import load_settings

    request = GenerateRequest(base_url, model, questions, rounds, max_tokens, dataset or ())
    figures = run_generate_bench(request, load_settings())
    _show(figures, goal_markdown, goal_lines, as_json=as_json, as_markdown=markdown)


@bench_app.command()
def finetune(
    rows: Annotated[int, typer.Option(min=8, help="Examples, and pairs, to train on once.")] = 32,
    tokens: Annotated[int, typer.Option(min=256, help="Tokens of a row, about.")] = 512,
    as_json: AsJson = False,
    markdown: AsMarkdown = False,
) -> None:
    """Speed, loss and memory of SFT and DPO with LoRA beside plain TRL, on the embedded model."""
    from eval.bench.finetune import run_finetune_bench
    from eval.bench.goal_figures import goal_lines, goal_markdown

    figures = run_finetune_bench(rows, tokens)
    _show(figures, goal_markdown, goal_lines, as_json=as_json, as_markdown=markdown)


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise typer.BadParameter(f"{text!r} is no list of sizes: write whole numbers between commas.")
    return sizes


@bench_app.command()
def cache(
    faq: Annotated[
        list[Path], typer.Option(help="Data set, or JSON Lines of text and intent; may be repeated.")
    ],
    entries: Annotated[int, typer.Option(min=1, help="Answers in the cache that is timed.")] = 100_000,
    questions: Annotated[int, typer.Option(min=2, help="Questions of each set at most.")] = 2_000,
    as_json: AsJson = False,
    markdown: AsMarkdown = False,
) -> None:
    """How often the answer cache serves the answer to another question, and how long it takes."""
    from eval.bench.cache import run_cache_bench
    from eval.bench.cache_figures import cache_markdown, cache_table
    from ingest.settings import load_settings

    figures = run_cache_bench(faq, entries, questions, load_settings())
    _show(figures, cache_markdown, cache_table, as_json=as_json, as_markdown=markdown)


def _show(
    figures: Shown,
    to_markdown: Callable[[Shown], str],
    to_table: Callable[[Shown], RenderableType],
    *,
    as_json: bool,
    as_markdown: bool,
) -> None:
    """Print what was measured, on standard output."""
    from rich.console import Console

    if as_json:
        typer.echo(json.dumps(figures.to_json(), ensure_ascii=False, indent=2))
    elif as_markdown:
        typer.echo(to_markdown(figures))
    else:
        Console().print(to_table(figures))
