"""A plan on the terminal, or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from finetune.training.memory_plan import MemoryPlan
from finetune.training.plan import Plan, Segment

_GIGABYTE = 10**9


def show_plan(plan: Plan, as_json: bool) -> None:
    """Print ``plan``; in its examples masked text is dim; without a terminal, learned text stands in «»."""
    if as_json:
        memory = [{**asdict(way), "total": way.total} for way in plan.memory]
        typer.echo(json.dumps({**asdict(plan), "memory": memory}, ensure_ascii=False, indent=2))
        return
    console = Console(soft_wrap=True, highlight=False)
    schedule = plan.schedule
    console.print(f"{plan.method} of {plan.base_model}, prompt {plan.prompt_id}", markup=False)
    console.print(
        f"{plan.rows} rows ({plan.left_out} left out, too long or of no use), {plan.tokens} tokens, "
        f"{plan.learned_tokens} of them learned, the longest sequence has {plan.longest}"
    )
    console.print(
        f"{schedule.steps} steps of {schedule.rows_per_step} rows ({schedule.epochs:g} epochs), learning "
        f"rate {schedule.learning_rate:g} after {schedule.warmup_steps} steps of warm-up, {schedule.form}"
    )
    console.print(_memory_table(plan.memory))
    for number, example in enumerate(plan.examples, start=1):
        console.rule(f"example {number}")
        console.print(_marked(example, plain=not console.is_terminal))
    console.print("nothing was written: leave --dry-run out to train")


def _memory_table(ways: tuple[MemoryPlan, ...]) -> Table:
    headings = (
        "memory, GB",
        "parameters",
        "trained",
        "weights",
        "gradients",
        "optimizer",
        "activations",
        "sum",
    )
    table = Table(*headings)
    for way in ways:
        sizes = (way.weights, way.gradients, way.optimizer, way.activations, way.total)
        counts = (f"{way.parameters:,}", f"{way.trained:,}")
        table.add_row(way.finetuning, *counts, *(f"{size / _GIGABYTE:.3f}" for size in sizes))
    return table


def _marked(example: tuple[Segment, ...], *, plain: bool) -> Text:
    text = Text()
    for segment in example:
        shown = f"«{segment.text}»" if plain and segment.learned else segment.text
        text.append(shown, style="bold" if segment.learned else "dim")
    return text
