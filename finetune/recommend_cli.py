"""``troika finetune recommend``: which method the labels at hand call for."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ingest.cli import JsonOption

PassShare = Annotated[
    float | None, typer.Option(min=0, max=1, help="Share of questions that one sampled answer gets right.")
]
BestShare = Annotated[
    float | None, typer.Option(min=0, max=1, help="Share that the best of eight gets right.")
]


def recommend(
    data: Annotated[list[Path], typer.Argument(help="Questions, rows of `finetune data`, or imports.")],
    reasoning: Annotated[
        bool | None, typer.Option("--reasoning/--no-reasoning", help="Whether reasoning first helps.")
    ] = None,
    pass_at_1: PassShare = None,
    pass_at_8: BestShare = None,
    output: Annotated[Path | None, typer.Option(help="Folder for a configuration of each stage.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Count the labels in DATA and say which methods to train with, and why."""
    from finetune.label_counts import count_labels
    from finetune.recommend import Reasoning, write_configs
    from finetune.recommend import recommend as decide

    counts = count_labels(data)
    found = decide(counts, Reasoning(reasoning, pass_at_1, pass_at_8))
    written = write_configs(found, counts, output) if output else ()
    if as_json:
        document = {"counts": asdict(counts), **asdict(found), "configs": written}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))
        return
    typer.echo(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in asdict(counts).items()))
    for number, stage in enumerate(found.stages, start=1):
        typer.echo(f"{number}. {stage.method}: {stage.reason}")
    for question in found.open_questions:
        typer.echo(f"?  {question}")
    for path in written:
        typer.echo(f"wrote {path}")
