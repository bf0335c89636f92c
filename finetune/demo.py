"""``make finetune-demo``: fine-tune the embedded model on the sample handbook, and show what changed.

The questions that are asked before and after are those of ``examples/questions.jsonl``; training sees
only ``examples/finetune/qa.jsonl``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.cases.case import Case
from eval.cases.read import read_cases
from finetune.data.build import BuiltData, build_data, passage_source
from finetune.data.examples import BuildOptions
from finetune.settings.train_config import CONFIGS, load_config
from finetune.training.job import RunMetrics
from finetune.training.run import Run, export_run, start_run
from ingest.errors import PathNotFoundError
from ingest.pipeline import ingest_paths
from ingest.settings import Settings
from service.adapters import promote
from service.release import BASE
from service.wiring import open_pipeline

EXAMPLES = Path(__file__).parent.parent / "examples"
HANDBOOK = EXAMPLES / "handbook"
TRAINING_QUESTIONS = EXAMPLES / "finetune" / "qa.jsonl"
HELD_OUT_QUESTIONS = EXAMPLES / "questions.jsonl"

_LANGUAGE = "en"  # the embedded model writes English only
_ANSWERABLE, _UNANSWERABLE = 4, 2
# One distractor keeps a row near 300 tokens, which is what two cores can afford; and a hundred rows are too
# few to learn to read a passage's number, so most passages stay in the order in which they are served.
_OPTIONS = BuildOptions(distractors=1, shuffle_share=0.2, languages=frozenset({_LANGUAGE}))


@dataclass(frozen=True, slots=True)
class SideBySide:
    """A held-out question with the answers before and after, and in brackets who wrote them.

    ``expected`` is empty if there is no answer.
    """

    question: str
    expected: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the demonstration did. Losses are of the runs' first and last steps; times in seconds."""

    data: BuiltData
    sft: RunMetrics
    dpo: RunMetrics
    adapter: str
    answers: tuple[SideBySide, ...]
    seconds: float


def run_demo(settings: Settings, say: Callable[[str], None]) -> DemoReport:
    """Ingest, build data, SFT, DPO, export, promote, ask; ``say`` is told what happens.

    Raises:
        PathNotFoundError: this is no checkout of the project: the examples are missing.
    """
    started = time.perf_counter()
    for path in (HANDBOOK, TRAINING_QUESTIONS, HELD_OUT_QUESTIONS):
        if not path.exists():
            raise PathNotFoundError(f"{path} does not exist: run the demo from a checkout of the project.")
    say(ingest_paths([HANDBOOK], settings.collection, settings).summary())
    with passage_source(settings, settings.collection) as source:
        data = build_data(TRAINING_QUESTIONS, source, _OPTIONS, settings.home / "data")
    say(f"{data.examples} examples ({data.refusals} refusals) and {data.pairs} preference pairs")
    sft = start_run(settings.home, load_config("sft", CONFIGS / "demo-sft.yaml"), data.examples_path)
    say(_told(sft))
    dpo = start_run(settings.home, load_config("dpo", CONFIGS / "demo-dpo.yaml"), data.pairs_path, sft.folder)
    say(_told(dpo))
    adapter = export_run(settings.home, dpo)
    held_out = held_out_cases(HELD_OUT_QUESTIONS)
    before = _answers(settings, BASE, held_out)
    after = _answers(settings, adapter.name, held_out)
    return DemoReport(
        data=data,
        sft=sft.metrics,
        dpo=dpo.metrics,
        adapter=adapter.name,
        answers=tuple(
            SideBySide(case.question, next(iter(case.answers), ""), old, new)
            for case, old, new in zip(held_out, before, after, strict=True)
        ),
        seconds=round(time.perf_counter() - started, 1),
    )


def held_out_cases(path: Path) -> tuple[Case, ...]:
    """Six questions spread over the English ones of the file: four answerable and two that are not."""
    cases = [case for case in read_cases(path) if case.language == _LANGUAGE]
    return (
        *_spread([case for case in cases if case.answerable], _ANSWERABLE),
        *_spread([case for case in cases if not case.answerable], _UNANSWERABLE),
    )


def _spread(cases: Sequence[Case], count: int) -> Sequence[Case]:
    return cases[:: max(1, len(cases) // count)][:count]


def _answers(settings: Settings, release: str, cases: Sequence[Case]) -> list[str]:
    """Promote ``release`` and ask it: what is shown is what is served."""
    promote(settings.home, release)

    async def ask() -> list[str]:
        pipeline = await open_pipeline(settings, settings.collection)
        try:
            answers = [await pipeline.answer(case.question) for case in cases]
            return [f"{answer.text} ({answer.generator})" for answer in answers]
        finally:
            await pipeline.aclose()

    return asyncio.run(ask())


def _told(run: Run) -> str:
    metrics = run.metrics
    return (
        f"{run.method}: loss {metrics.first_loss:.3f} -> {metrics.last_loss:.3f} in "
        f"{metrics.steps} steps, {metrics.seconds:.0f} s, "
        f"{metrics.tokens_per_second:.0f} tokens/s"
    )
