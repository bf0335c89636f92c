"""``make finetune-demo``: fine-tune the embedded model on the sample handbook, and show what changed.

What is served and the adapter answer the English questions of ``examples/questions.jsonl``; training sees
only ``examples/finetune/qa.jsonl``. The adapter is promoted if a gate lets it in, as any other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.answering.run import AnswerRequest, new_folder, run_answers
from eval.cases.case import Case
from eval.cases.read import read_cases
from eval.cases.select import Selection
from eval.decision.gate import judge
from eval.decision.gate_config import read_gate_config
from eval.decision.gate_report import REPORT, gate_report, write_gate_report
from eval.decision.pairs import pair_runs
from eval.runs.folder import RunFolder
from eval.runs.record import CaseRecord
from finetune.adapters.export import export_run
from finetune.data.build import BuiltData, build_data, passage_source
from finetune.data.choices import TargetForm
from finetune.data.examples import BuildOptions
from finetune.promote import promote_proven
from finetune.settings.train_config import CONFIGS, load_config
from finetune.training.job import RunMetrics
from finetune.training.run import Run, start_run
from ingest.errors import PathNotFoundError, PromotionRefusedError
from ingest.pipeline import ingest_paths
from ingest.settings import Settings
from service.releases.served import served_release

EXAMPLES = Path(__file__).parent.parent / "examples"
HANDBOOK = EXAMPLES / "handbook"
TRAINING_QUESTIONS = EXAMPLES / "finetune" / "qa.jsonl"
HELD_OUT_QUESTIONS = EXAMPLES / "questions.jsonl"
GATE = CONFIGS / "demo-gate.toml"

_LANGUAGE = "en"  # the embedded model writes English only
_ANSWERABLE, _UNANSWERABLE = 4, 2
# One distractor keeps a row near 300 tokens, which is what two cores can afford; and a hundred rows are too
# few to learn to read a passage's number, so most passages stay in the order in which they are served.
_OPTIONS = BuildOptions(
    distractors=1,
    shuffle_share=0.2,
    target=TargetForm.SENTENCE,
    languages=frozenset({_LANGUAGE}),
)


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
    """What the demonstration did. Losses are of the runs' first and last steps; times in seconds.

    ``refusal`` says why the adapter is not served; None where it is.
    """

    data: BuiltData
    sft: RunMetrics
    dpo: RunMetrics
    adapter: str
    refusal: str | None
    answers: tuple[SideBySide, ...]
    seconds: float


def run_demo(settings: Settings, say: Callable[[str], None]) -> DemoReport:
    """Ingest, build data, SFT, DPO, export, ask, gate, promote; ``say`` is told what happens.

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
    served = served_release(settings)
    start = served.adapter.path if served.adapter else None
    sft = start_run(settings.home, load_config("sft", CONFIGS / "demo-sft.yaml"), data.examples_path, start)
    say(_told(sft))
    dpo = start_run(settings.home, load_config("dpo", CONFIGS / "demo-dpo.yaml"), data.pairs_path, sft.folder)
    say(_told(dpo))
    adapter = export_run(settings.home, dpo)
    say(f"{adapter.name} and what is served answer the held-out questions")
    before = _answered(settings, served.name)
    after = _answered(settings, adapter.name)
    return DemoReport(
        data=data,
        sft=sft.metrics,
        dpo=dpo.metrics,
        adapter=adapter.name,
        refusal=_promoted(settings, adapter.name, before, after),
        answers=side_by_side(before, after),
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


def _answered(settings: Settings, release: str) -> RunFolder:
    """The held-out questions as ``release`` answers them, whatever is served."""
    folder = new_folder(settings.home, HELD_OUT_QUESTIONS)
    request = AnswerRequest(
        HELD_OUT_QUESTIONS,
        folder.with_name(f"{folder.name}-{release}"),
        Selection(language=_LANGUAGE),
        release=release,
    )
    return run_answers(settings, request)


def _promoted(settings: Settings, name: str, before: RunFolder, after: RunFolder) -> str | None:
    """Promote ``name`` if the gate lets it in; else why not."""
    pairs = pair_runs(before, after)
    config = read_gate_config(GATE)
    path = after.path / REPORT
    write_gate_report(path, gate_report(config, judge(config, pairs), pairs, None))
    try:
        promote_proven(settings, name, path)
    except PromotionRefusedError as error:
        return str(error)
    return None


def side_by_side(before: RunFolder, after: RunFolder) -> tuple[SideBySide, ...]:
    """The six questions that are shown, with both answers."""
    old, new = ({record.case.id: record for record in run.records()} for run in (before, after))
    return tuple(
        SideBySide(case.question, next(iter(case.answers), ""), _shown(old[case.id]), _shown(new[case.id]))
        for case in held_out_cases(HELD_OUT_QUESTIONS)
    )


def _shown(record: CaseRecord) -> str:
    if record.answer is None:
        return "" if record.failure is None else record.failure.message
    return f"{record.answer.text} ({record.answer.generator})"


def _told(run: Run) -> str:
    metrics = run.metrics
    return (
        f"{run.method}: loss {metrics.first_loss:.3f} -> {metrics.last_loss:.3f} in "
        f"{metrics.steps} steps, {metrics.seconds:.0f} s, "
        f"{metrics.tokens_per_second:.0f} tokens/s"
    )
