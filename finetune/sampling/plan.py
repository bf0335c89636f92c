"""What rft or rlaif would sample, without sampling it: ``--dry-run``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import typer

from finetune.data.rows import TrainingExample
from service.generate import Message

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """What would be asked of which generator.

    ``samples`` are written to each of ``questions``, in each of ``rounds``. ``as_they_are`` rows are not
    asked: no rule can judge their answers. ``training`` is the configuration that each round's examples are
    trained with, None where nothing is trained. ``prompts`` are the first ones.
    """

    method: str
    generator: str
    release: str
    questions: int
    samples: int
    rounds: int
    as_they_are: int
    compared_with_people: int
    training: Mapping[str, object] | None
    prompts: tuple[tuple[Message, ...], ...]


def first_prompts(examples: Sequence[TrainingExample]) -> tuple[tuple[Message, ...], ...]:
    """The prompts that a plan shows."""
    return tuple(example.messages for example in examples[:_SHOWN])


def show_plan(plan: SamplingPlan, as_json: bool) -> None:
    """Print ``plan``."""
    if as_json:
        typer.echo(json.dumps(asdict(plan), ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(plan_lines(plan)))


def plan_lines(plan: SamplingPlan) -> list[str]:
    """The plan as it is shown."""
    lines = [
        f"{plan.method} samples {plan.release} by {plan.generator}",
        f"{plan.questions} questions, {plan.samples} samples of each, {plan.questions * plan.samples} in a "
        f"round; rounds: {plan.rounds}",
    ]
    if plan.as_they_are:
        lines.append(f"{plan.as_they_are} rows are not asked, which no rule can judge: they stay as they are")
    if plan.compared_with_people:
        lines.append(f"{plan.compared_with_people} pairs that people judged are judged first, in both orders")
    if plan.training is not None:
        lines += ["each round's examples are trained with", *_setting_lines(plan.training)]
    for number, prompt in enumerate(plan.prompts, start=1):
        lines.append(f"── prompt {number}")
        lines += [f"{message.role}: {message.content}" for message in prompt]
    return [*lines, "nothing was written: leave --dry-run out to sample"]


def _setting_lines(training: Mapping[str, object]) -> list[str]:
    return [f"  {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in training.items()]
