"""``troika bench demo``: what the sample corpus costs and yields on this machine, in a fresh home."""

from __future__ import annotations

import asyncio
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from itertools import cycle, islice
from pathlib import Path

from eval.bench.figures import DemoFigures, GenerationFigures, IngestFigures, RetrievalFigures, Share
from eval.bench.machine import this_machine
from eval.bench.server_process import measure_server_memory
from eval.cases.case import Case
from eval.cases.read import read_cases
from eval.progress import progress_bar
from eval.report import percentiles
from eval.run import AnswerRun, Outcome, run_answers
from ingest.document import Document
from ingest.errors import GeneratorError, PathNotFoundError, TroikaError
from ingest.pipeline import ingest_paths
from ingest.settings import Settings, load_settings
from service.answer import Degradation
from service.pipeline import AnswerPipeline
from service.retrieve_mode import SearchMode
from service.wiring import open_pipeline

SEARCHES = 500
SEARCH_PASSAGES = 10
WARM_UP_SEARCHES = 20
SERVER_QUESTIONS = 3
COLLECTION = "handbook"
LATIN_PAGE_CHARACTERS = 3_000
CJK_PAGE_CHARACTERS = 1_200


def run_demo(handbook: Path, questions: Path) -> DemoFigures:
    """Ingest ``handbook`` into a fresh home, put ``questions`` to it, and measure all of it.

    Raises:
        PathNotFoundError: the handbook is not there.
        CasesError: the questions are not there or not in the documented form.
    """
    if not handbook.is_dir():
        raise PathNotFoundError(f"{handbook} is no folder: name the sample documents with --handbook.")
    cases = read_cases(questions)
    with tempfile.TemporaryDirectory(prefix="troika-bench-") as home:
        settings = load_settings({"home": home, "collection": COLLECTION})
        documents, chunks, seconds, prepared = _ingest(handbook, settings)
        pages, retrieval, ran = asyncio.run(_question(settings, cases))
        asked = [case.question for case in cases if case.answerable][:SERVER_QUESTIONS]
        server = measure_server_memory(Path(home), COLLECTION, asked)
    return DemoFigures(
        measured_on=date.today(),
        machine=this_machine(),
        ingest=IngestFigures(documents, pages, chunks, seconds, prepared),
        retrieval=retrieval,
        generation=generation_figures(ran.outcomes),
        server=server,
        document_in_top_5=documents_found(ran.outcomes),
        refused_unanswerable=refusals(ran.outcomes, answerable=False),
        refused_answerable=refusals(ran.outcomes, answerable=True),
        citations_exact=exact_citations(ran.outcomes),
        citations_right=right_citations(ran.outcomes),
    )


def _ingest(handbook: Path, settings: Settings) -> tuple[int, int, float, float]:
    """Documents, chunks, seconds of the ingest, and seconds that preparing the models took before it."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="troika-bench-") as folder:
        # The first ingest of a home exports the embedder, once for all collections: timed on its own.
        note = Path(folder) / "note.txt"
        note.write_text("The first ingest of a home prepares the embedder.\n", "utf-8")
        ingest_paths([note], "prepared", settings)
    prepared = time.perf_counter() - started
    report = ingest_paths([handbook], COLLECTION, settings)
    if report.failures:
        raise TroikaError(f"{report.failures[0].path} could not be ingested: {report.failures[0].reason}")
    return report.added, report.chunks_total, report.seconds, prepared


async def _question(settings: Settings, cases: Sequence[Case]) -> tuple[int, RetrievalFigures, AnswerRun]:
    pipeline = await open_pipeline(settings, settings.collection)
    try:
        documents = pipeline.snapshot.documents
        pages = sum(
            count_pages(document)
            for summary in documents.document_summaries()
            if (document := documents.document(summary.id)) is not None
        )
        retrieval = await _time_searches(pipeline, cases)
        with progress_bar("answers", len(cases)) as progress:
            # One answer that is not counted: it loads the generator.
            await pipeline.answer(cases[0].question)
            ran = await run_answers(pipeline, documents, cases, SearchMode.HYBRID, progress=progress)
    finally:
        await pipeline.aclose()
    if ran.failures:
        raise GeneratorError(f"the answer to {ran.failures[0].case_id!r} failed: {ran.failures[0].message}")
    return pages, retrieval, ran


async def _time_searches(pipeline: AnswerPipeline, cases: Sequence[Case]) -> RetrievalFigures:
    times: list[float] = []
    questions = cycle([case.question for case in cases])
    for question in islice(questions, WARM_UP_SEARCHES + SEARCHES):
        started = time.perf_counter()
        await pipeline.search(question, SEARCH_PASSAGES, SearchMode.HYBRID)
        times.append((time.perf_counter() - started) * 1000.0)
    middle = percentiles(times[WARM_UP_SEARCHES:])
    return RetrievalFigures(SEARCHES, middle["p50"], middle["p99"])


def count_pages(document: Document) -> int:
    """The pages of a paginated file, or what its text would fill when printed."""
    if document.pages:
        return len(document.pages)
    page = CJK_PAGE_CHARACTERS if document.language.startswith("zh") else LATIN_PAGE_CHARACTERS
    return math.ceil(len(document.text) / page)


def generation_figures(outcomes: Sequence[Outcome]) -> GenerationFigures | None:
    """Median times over the answers that the generator was asked for; None when there is none.

    An answer whose words were then taken from the sources, because they did not bear the generator's out,
    counts too: its user waited for the generator all the same.
    """
    unasked = (Degradation.LANGUAGE, Degradation.GENERATOR)
    asked = [o for o in outcomes if not o.answer.abstained and o.answer.degraded not in unasked]
    firsts = [outcome.first_token_ms for outcome in asked if outcome.first_token_ms is not None]
    if not firsts:
        return None
    own = [outcome for outcome in asked if outcome.answer.degraded is None]
    return GenerationFigures(
        answers=len(asked),
        own_words=Share(len(own), len(asked)),
        generator=", ".join(sorted({outcome.answer.generator for outcome in own})),
        first_token_p50_ms=statistics.median(firsts),
        total_p50_ms=statistics.median(outcome.total_ms for outcome in asked),
    )


def documents_found(outcomes: Sequence[Outcome]) -> dict[str, Share]:
    """For each language, in how many answerable cases the expected document is in the top 5."""
    expecting = [outcome for outcome in outcomes if outcome.document_found is not None]
    shares: dict[str, Share] = {}
    for language in sorted({outcome.case.language for outcome in expecting}):
        found = [outcome.document_found for outcome in expecting if outcome.case.language == language]
        shares[language] = Share(sum(map(bool, found)), len(found))
    return shares


def refusals(outcomes: Sequence[Outcome], *, answerable: bool) -> Share:
    """How many of the answerable, or of the unanswerable, questions were refused."""
    asked = [outcome for outcome in outcomes if outcome.case.answerable is answerable]
    return Share(sum(outcome.answer.abstained for outcome in asked), len(asked))


def exact_citations(outcomes: Sequence[Outcome]) -> Share:
    """How many citations quote their source exactly."""
    checks = [check for outcome in outcomes for check in outcome.citations]
    return Share(sum(check.exact for check in checks), len(checks))


def right_citations(outcomes: Sequence[Outcome]) -> Share:
    """How many citations of answerable cases lead to the gold evidence."""
    judged = [check for o in outcomes for check in o.citations if check.right is not None]
    return Share(sum(check.right is True for check in judged), len(judged))
