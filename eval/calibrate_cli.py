"""``troika eval calibrate`` and ``troika eval support``: everything heavy is imported inside the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

_DEFAULT_SHARE = 0.1

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def calibrate(
    cases: Annotated[Path, typer.Option(help="Questions with their answers, answerable and not.")],
    collection: Annotated[str | None, typer.Option(help="The collection that is fitted.")] = None,
    oracle: Annotated[bool, typer.Option("--oracle", help="From each case's own passages.")] = False,
    max_wrong: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Most wrong answers; default answer.max_wrong_share, else 0.1."),
    ] = None,
    generator: Annotated[str | None, typer.Option(help="llama-cpp, openai or extractive.")] = None,
    release: Annotated[str | None, typer.Option(help="A kept adapter, or `base`.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="So many, each kind its share.")] = None,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Fit from which chance of a right answer on one is given; kept for the collection and the release."""
    from rich.console import Console

    from eval.abstention.calibrate import calibrate as fit
    from eval.abstention.table import calibration_table
    from eval.cases.read import iter_cases
    from eval.cases.select import Selection
    from ingest.settings import load_settings

    settings = load_settings({"generator.kind": generator, "collection": collection})
    wanted = max_wrong if max_wrong is not None else settings.answer.max_wrong_share
    chosen = list(iter_cases(cases, Selection(sample, seed)))
    found = fit(
        settings,
        chosen,
        _DEFAULT_SHARE if wanted is None else wanted,
        oracle=oracle,
        release=release,
    )
    if as_json:
        typer.echo(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        Console().print(calibration_table(found))


def support(
    dataset: Annotated[list[Path], typer.Option(help="Folders in the BEIR layout; two of a language.")],
    limit: Annotated[int, typer.Option(min=20, help="Cases of each.")] = 250,
    embedding: Annotated[
        bool, typer.Option("--embedding", help="With the cosine of meanings; languages of the embedder only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fit how a sentence is judged by its quote, and measure it on data sets that were held out."""
    from rich.console import Console

    from eval.support.fit import fit_support, support_table
    from ingest.embed import load_embedder, spec_from_settings
    from ingest.settings import load_settings
    from service.grounding.nearness import EmbeddedNearness

    nearness = None
    if embedding:
        settings = load_settings()
        spec = spec_from_settings(settings.embedder)
        nearness = EmbeddedNearness(load_embedder(spec, settings.embedder, settings.home / "models"))
    found = fit_support(dataset, limit, nearness)
    if as_json:
        typer.echo(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        Console().print(support_table(found))
