"""A run of answers, from the first case to the last: who answers, what is kept of it, what is left to do.

identify -> open the folder -> answer what has no record -> keep each record as it comes
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eval.answering.answerer import Answerer, Served
from eval.answering.in_process import open_answerer
from eval.answering.over_http import ServerAddress, open_server
from eval.answering.window import answer_cases
from eval.cases.case import Case
from eval.cases.read import iter_cases
from eval.cases.select import EVERYTHING, Selection
from eval.progress import RunningFigures, nothing, show_figures
from eval.runs.folder import RunFolder, RunWriter, write_run
from eval.runs.identity import CaseDigest, digest_cases, identify_run, name_of
from eval.runs.record import CaseRecord, RunIdentity
from ingest.choices import Engine, GeneratorKind
from ingest.errors import CasesError, GeneratorError
from ingest.optional import require
from ingest.settings import Settings

RUNS = "evaluations"

_CASES_AT_A_SERVER = 4


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """Which cases are answered, by whom, and where the run is kept.

    ``oracle``: from the cases' own passages. ``release``: the adapter that answers, served or not; None for
    what is served. Without ``server`` the pipeline in this process answers, or those in the actors of Ray.
    ``concurrency`` is how many cases are answered at a time; None for 4 by a server, be it Troika's or the
    generator's, and for 1 by a model in this process, where answers that wait for each other would be
    measured as slow. ``restart`` forgets the run that is in the folder.
    """

    cases: Path
    folder: Path
    selection: Selection = EVERYTHING
    oracle: bool = False
    release: str | None = None
    server: ServerAddress | None = None
    concurrency: int | None = None
    engine: Engine = Engine.LOCAL
    ray_address: str | None = None
    restart: bool = False


def new_folder(home: Path, cases: Path) -> Path:
    """Where a run is kept whose folder nobody named."""
    return home / RUNS / f"{name_of(cases)}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def run_answers(settings: Settings, request: AnswerRequest) -> RunFolder:
    """Answer every case that has no record yet; the run with all of them.

    Raises:
        CasesError: the cases are not in a documented form.
        RunMismatchError: the folder holds a run of something else.
        ServerError: the server cannot be reached; the same request goes on where this one ended.
        GeneratorError: not one case could be answered.
    """
    cases = _digest(request)
    if request.engine is Engine.RAY:
        return _run_on_ray(settings, request, cases)
    return asyncio.run(_run_here(settings, request, cases))


def _digest(request: AnswerRequest) -> CaseDigest:
    """Reads every case once, so that bad ones are told before a model is loaded for them."""
    digest = digest_cases(iter_cases(request.cases, request.selection))
    if request.oracle and not digest.with_passages:
        raise CasesError(
            f"{request.cases}: no case has passages of its own, and an oracle run answers from those: "
            "use fine-tuning rows (with contexts), or evaluate a collection."
        )
    return digest


async def _run_here(settings: Settings, request: AnswerRequest, cases: CaseDigest) -> RunFolder:
    opened: AbstractAsyncContextManager[tuple[Answerer, Served]] = (
        open_answerer(settings, oracle=request.oracle, release=request.release)
        if request.server is None
        else open_server(request.server)
    )
    async with opened as (answerer, served):
        with _writing(request, _identity(settings, request, cases, served)) as run:
            records = answer_cases(answerer, run.left(), _concurrency(settings, request))
            async with aclosing(records):
                async for record in records:
                    run.keep(record)
    return run.whole()


def _run_on_ray(settings: Settings, request: AnswerRequest, cases: CaseDigest) -> RunFolder:
    require("ray", extra="ray")
    from eval.answering.on_ray import answer_on_ray

    served = asyncio.run(_served(settings, request))
    with _writing(request, _identity(settings, request, cases, served)) as run:
        concurrency = _concurrency(settings, request)
        records = answer_on_ray(
            settings,
            request.ray_address,
            run.left(),
            concurrency,
            oracle=request.oracle,
            release=request.release,
        )
        with closing(records):
            for record in records:
                run.keep(record)
    return run.whole()


async def _served(settings: Settings, request: AnswerRequest) -> Served:
    async with open_answerer(settings, oracle=request.oracle, release=request.release) as (_, served):
        return served


def _identity(settings: Settings, request: AnswerRequest, cases: CaseDigest, served: Served) -> RunIdentity:
    return identify_run(
        request.cases,
        request.selection.seed,
        cases,
        served,
        oracle=request.oracle,
        asked=settings if request.server is None else request.server.url,
    )


def _concurrency(settings: Settings, request: AnswerRequest) -> int:
    in_process = settings.generator.kind in (GeneratorKind.LLAMA_CPP, GeneratorKind.EXTRACTIVE)
    return request.concurrency or (1 if in_process and request.server is None else _CASES_AT_A_SERVER)


@contextmanager
def _writing(request: AnswerRequest, identity: RunIdentity) -> Generator[_Run]:
    with write_run(request.folder, identity, restart=request.restart) as writer:
        run = _Run(request, writer)
        with show_figures(identity.name, identity.case_count, run.figures) as run.changed:
            yield run


class _Run:
    """A run under way: what was answered before counts, and is not answered again."""

    def __init__(self, request: AnswerRequest, writer: RunWriter) -> None:
        self.figures = RunningFigures()
        self.changed: Callable[[], None] = nothing
        self._request = request
        self._writer = writer
        self._done: set[str] = set()
        for record in writer.folder.records():
            self._done.add(record.case.id)
            self.figures.add(record)

    def left(self) -> Iterator[Case]:
        """The cases that have no record yet, read as they are needed."""
        cases = iter_cases(self._request.cases, self._request.selection)
        return (case for case in cases if case.id not in self._done)

    def keep(self, record: CaseRecord) -> None:
        """Write a record and show the figures with it."""
        self._writer.add(record)
        self.figures.add(record)
        self.changed()

    def whole(self) -> RunFolder:
        """The run, in which at least one case was answered."""
        failure = self.figures.first_failure
        if failure is not None and self.figures.failed == self.figures.count:
            raise GeneratorError(
                f"none of the {self.figures.count} cases was answered; the first: {failure.message}"
            )
        return self._writer.folder
