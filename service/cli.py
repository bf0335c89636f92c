"""``troika search``, ``ask``, ``serve``, ``demo`` and ``doctor``."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ingest.choices import GeneratorKind
from ingest.cli import CollectionOption, JsonOption
from ingest.errors import PathNotFoundError
from ingest.filters.forms import parse_filter
from ingest.settings import Settings, load_settings
from service.answer import Answer, SearchResult
from service.question import Inquiry
from service.retrieval.retrieve_mode import SearchMode

service_app = typer.Typer(add_completion=False)

HANDBOOK = Path(__file__).parent.parent / "examples" / "handbook"
DEMO_QUESTIONS = (
    "How many word pieces can the default MiniLM embedder read?",
    "What does a heartbeat comment in a streamed answer do, and how often is it sent?",
    "When is the manifest of a snapshot written?",
    "灰度发布时，可以先让多大比例的请求走新版？",
    "What will the weather be like in Lisbon next weekend?",
)
_WIDTH = 100

GroupOption = Annotated[
    list[str] | None, typer.Option(help="A group that the asker is in, for documents with an access list.")
]

FilterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        help="Look only at documents with KEY=VALUE (also KEY=A,B, !=, >=, >, <=, < and KEY=PREFIX*); "
        "repeat it for further conditions.",
    ),
]
HistoryOption = Annotated[
    list[str] | None,
    typer.Option(help="An earlier turn of the conversation, question or answer; repeat it, oldest first."),
]


@service_app.command()
def search(
    query: Annotated[str, typer.Argument()],
    collection: CollectionOption = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="Number of hits.")] = 10,
    mode: Annotated[SearchMode, typer.Option(help="Which indexes are asked.")] = SearchMode.HYBRID,
    group: GroupOption = None,
    history: HistoryOption = None,
    conditions: FilterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the best passages for a query."""
    inquiry = Inquiry(query, history=history or (), wanted=parse_filter(conditions or ()))
    settings = load_settings({"generator.kind": GeneratorKind.EXTRACTIVE, "retrieval.groups": group})
    result = asyncio.run(_search(settings, collection or settings.collection, inquiry, k, mode))
    if as_json:
        from service.retrieval.search_schemas import search_to_json

        typer.echo(json.dumps(search_to_json(result), ensure_ascii=False))
        return
    for rank, hit in enumerate(result.hits, start=1):
        page = f", page {hit.chunk.page_start}" if hit.chunk.page_start else ""
        typer.echo(f"{rank:2}. {hit.score:.3f}  {hit.chunk.headline}{page}")
        typer.echo(textwrap.indent(_shorten(hit.chunk.text), "      "))


@service_app.command()
def ask(
    question: Annotated[str, typer.Argument()],
    collection: CollectionOption = None,
    group: GroupOption = None,
    history: HistoryOption = None,
    conditions: FilterOption = None,
    release: Annotated[
        str | None, typer.Option(help="A kept adapter, served or not, or `base`; default what is served.")
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Give an earlier or curated answer again.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from a collection, with citations."""
    wanted = parse_filter(conditions or ())
    inquiry = Inquiry(question, history=history or (), wanted=wanted, cache=cache)
    settings = load_settings({"retrieval.groups": group})
    (answer,) = asyncio.run(_ask(settings, collection or settings.collection, [inquiry], release))
    if as_json:
        from service.schemas import answer_to_json

        typer.echo(json.dumps(answer_to_json(answer), ensure_ascii=False))
    else:
        typer.echo(format_answer(answer))


@service_app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    generator: Annotated[
        GeneratorKind | None, typer.Option(help="Who writes answers; vllm is started and supervised.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model: a folder or id (vllm), a GGUF file.")] = None,
) -> None:
    """Serve the HTTP API and the web page."""
    from service.server import run_server

    options = {"server.host": host, "server.port": port}
    run_server(load_settings(options | {"generator.kind": generator, "generator.model": model}))


@service_app.command()
def demo(
    serve_after: Annotated[bool, typer.Option("--serve", help="Serve the web page afterwards.")] = False,
) -> None:
    """Ingest the sample handbook and ask it five questions."""
    from ingest.pipeline import ingest_paths
    from ingest.progress_display import display

    if not HANDBOOK.is_dir():
        raise PathNotFoundError(f"{HANDBOOK} does not exist: run the demo from a checkout of the project.")
    settings = load_settings()
    with display() as progress:
        report = ingest_paths([HANDBOOK], settings.collection, settings, progress=progress)
    typer.echo(report.summary())
    inquiries = [Inquiry(question, cache=False) for question in DEMO_QUESTIONS]
    for answer in asyncio.run(_ask(settings, settings.collection, inquiries)):
        typer.echo(f"\nQ: {answer.question}\n{format_answer(answer)}")
    url = f"http://{settings.server.host}:{settings.server.port}/"
    if serve_after:
        from service.server import run_server

        run_server(settings)
    else:
        typer.echo(f"\nTo ask your own questions on the web page: troika serve, then open {url}")


@service_app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Say which models, extras, accelerators and services are present, and what to do about the rest."""
    from service.doctor import examine

    findings = examine(load_settings())
    if as_json:
        typer.echo(json.dumps([finding.to_json() for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            typer.echo(finding.line())
    if any(finding.blocks for finding in findings):
        raise typer.Exit(1)


def format_answer(answer: Answer) -> str:
    """An answer for a terminal: the text, then each citation with its source and exact quote."""
    lines = textwrap.wrap(answer.text, _WIDTH) or [""]
    if answer.matched_question is not None:
        lines.append(f"(the answer to: {answer.matched_question})")
    if answer.standalone_question is not None:
        lines.append(f"(searched for: {answer.standalone_question})")
    if answer.degraded is not None:
        lines.append(f"(extractive answer: {answer.degraded.value})")
    for citation in answer.citations:
        page = f", page {citation.page}" if citation.page else ""
        mark = "" if citation.supported else " (not borne out by this source)"
        lines.append(f"  [{citation.marker}] {citation.chunk.headline}{page}{mark}")
        lines.append(textwrap.indent(f"“{_shorten(citation.quote)}”", "      "))
    timing = f"{answer.timings_ms.get('total', 0) / 1e3:.2f} s, {answer.generator}"
    lines.append(f"  ({'abstained, ' if answer.abstained else ''}{timing})")
    return "\n".join(lines)


async def _search(
    settings: Settings, collection: str, inquiry: Inquiry, k: int, mode: SearchMode
) -> SearchResult:
    from service.wiring import open_pipeline

    pipeline = await open_pipeline(settings, collection)
    try:
        return await pipeline.search(inquiry, k, mode)
    finally:
        await pipeline.aclose()


async def _ask(
    settings: Settings, collection: str, inquiries: Sequence[Inquiry], release: str | None = None
) -> list[Answer]:
    from service.cache.caching_factory import open_caching_pipeline

    async with open_caching_pipeline(settings, collection, release) as pipeline:
        return [await pipeline.answer(inquiry) for inquiry in inquiries]


def _shorten(text: str) -> str:
    # Not textwrap.shorten: it drops whole words, and Chinese text is a single one.
    joined = " ".join(text.split())
    return joined if len(joined) <= 3 * _WIDTH else f"{joined[: 3 * _WIDTH - 2].rstrip()} …"
