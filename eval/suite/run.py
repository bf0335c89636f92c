"""Measure a whole suite: every data set searched, every set of cases answered by every generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.answering.run import AnswerRequest, run_answers
from eval.cases.select import Selection
from eval.reports.answer_report import AnswerReport
from eval.retrieval.dataset_index import ensure_indexed
from eval.retrieval.datasets import dataset_folders, read_dataset
from eval.retrieval.evaluate import evaluate_retrieval
from eval.retrieval.table import SetResult
from eval.runs.report import write_report
from eval.suite.plan import AnswerPlan, SuitePlan
from ingest.choices import GeneratorKind
from ingest.errors import CasesError
from ingest.settings import Settings
from service.retrieval.retrieve_mode import SearchMode

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SuiteRequest:
    """What is measured: the plan, the folder that holds its sets, and the folder that runs are kept in."""

    plan: SuitePlan
    data: Path
    out: Path
    quick: bool = False


@dataclass(frozen=True, slots=True)
class AnswerResult:
    """The report of one set of cases, answered by one generator."""

    name: str
    generator: GeneratorKind
    report: AnswerReport


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """The figures of a suite, in the order of its plan."""

    retrieval: tuple[SetResult, ...]
    answers: tuple[AnswerResult, ...]


def run_suite(settings: Settings, request: SuiteRequest, tell: Tell) -> SuiteResult:
    """Measure everything that the plan names; ``tell`` is told what is begun.

    A suite that was broken off goes on: indexes are kept in the home, answers in ``request.out``.

    Raises:
        CasesError: a set of the plan is missing or not in a documented form.
    """
    answer_sets = _answer_sets(request)
    retrieval = tuple(_measure_retrieval(settings, request, tell))
    answers = tuple(
        _measure_answers(settings, request, plan, path, generator, tell)
        for plan, path in answer_sets
        for generator in request.plan.generators
    )
    return SuiteResult(retrieval, answers)


def _measure_retrieval(settings: Settings, request: SuiteRequest, tell: Tell) -> Iterator[SetResult]:
    # Only searches are measured, so no model that writes answers is loaded.
    searching = _with_generator(settings, GeneratorKind.EXTRACTIVE)
    modes: Sequence[SearchMode] = list(reversed(SearchMode))
    for folder in dataset_folders(request.data):
        if not request.quick or folder.name in request.plan.retrieval.quick:
            tell(f"retrieval: {folder.name}")
            yield evaluate_retrieval(searching, folder, modes)


def _answer_sets(request: SuiteRequest) -> list[tuple[AnswerPlan, Path]]:
    """The sets of cases that are answered, each of which must be there before anything is measured."""
    plans = [plan for plan in request.plan.answers if plan.size(quick=request.quick)]
    found = [(plan, request.data / plan.cases) for plan in plans]
    missing = next((path for _, path in found if not path.exists()), None)
    if missing is not None:
        raise CasesError(f"{missing} does not exist, and the suite names it: correct --data or the suite.")
    return found


def _measure_answers(
    settings: Settings,
    request: SuiteRequest,
    plan: AnswerPlan,
    path: Path,
    generator: GeneratorKind,
    tell: Tell,
) -> AnswerResult:
    name = plan.cases.removesuffix(path.suffix)
    tell(f"answers: {name}, {generator}")
    answering = _with_generator(settings, generator)
    oracle = path.is_file()
    if not oracle:
        collection = ensure_indexed(read_dataset(path), settings)
        answering = answering.model_copy(update={"collection": collection})
    run = run_answers(
        answering,
        AnswerRequest(
            cases=path,
            folder=request.out / f"{name.replace('/', '-')}-{generator}",
            selection=Selection(plan.size(quick=request.quick), request.plan.seed),
            oracle=oracle,
        ),
    )
    return AnswerResult(name, generator, write_report(run, answering))


def _with_generator(settings: Settings, kind: GeneratorKind) -> Settings:
    return settings.model_copy(update={"generator": settings.generator.model_copy(update={"kind": kind})})
