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

from eval.answering.in_process import CollectionAnswerer
from eval.answering.window import answer_cases
from eval.bench.figures import DemoFigures, GenerationFigures, IngestFigures, RetrievalFigures, Share
from eval.bench.machine import this_machine
from eval.bench.server_process import measure_server_memory
from eval.cases.case import Case
from eval.cases.read import read_cases
from eval.progress import progress_bar
from eval.retrieval.report import percentiles
from eval.runs.record import AnswerRecord, CaseRecord
from ingest.document import Document
from ingest.errors import GeneratorError, PathNotFoundError, TroikaError
from ingest.pipeline import ingest_paths
from ingest.settings import Settings, load_settings
from service.answer import Degradation
from service.pipeline import AnswerPipeline
from service.question import Inquiry
from service.retrieval.retrieve_mode import SearchMode
from service.wiring import open_pipeline

SEARCHES = 500
SEARCH_PASSAGES = 10
WARM_UP_SEARCHES = 20
SERVER_QUESTIONS = 3
TOP = 5
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
        pages, retrieval, records = asyncio.run(_question(settings, cases))
        asked = [case.question for case in cases if case.answerable][:SERVER_QUESTIONS]
        server = measure_server_memory(Path(home), COLLECTION, asked)
    return DemoFigures(
        measured_on=date.today(),
        machine=this_machine(),
        ingest=IngestFigures(documents, pages, chunks, seconds, prepared),
        retrieval=retrieval,
        generation=generation_figures(records),
        server=server,
        document_in_top_5=documents_found(records),
        refused_unanswerable=refusals(records, answerable=False),
        refused_answerable=refusals(records, answerable=True),
        citations_exact=exact_citations(records),
        citations_right=right_citations(records),
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


async def _question(
    settings: Settings, cases: Sequence[Case]
) -> tuple[int, RetrievalFigures, list[CaseRecord]]:
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
            await pipeline.answer(Inquiry(cases[0].question))
            records: list[CaseRecord] = []
            async for record in answer_cases(CollectionAnswerer(pipeline, documents), cases):
                records.append(record)
                progress()
    finally:
        await pipeline.aclose()
    for record in records:
        if record.failure is not None:
            raise GeneratorError(f"the answer to {record.case.id!r} failed: {record.failure.message}")
    return pages, retrieval, records


async def _time_searches(pipeline: AnswerPipeline, cases: Sequence[Case]) -> RetrievalFigures:
    times: list[float] = []
    questions = cycle([case.question for case in cases])
    for question in islice(questions, WARM_UP_SEARCHES + SEARCHES):
        started = time.perf_counter()
        await pipeline.search(Inquiry(question), SEARCH_PASSAGES, SearchMode.HYBRID)
        times.append((time.perf_counter() - started) * 1000.0)
    middle = percentiles(times[WARM_UP_SEARCHES:])
    return RetrievalFigures(SEARCHES, middle["p50"], middle["p99"])


def count_pages(document: Document) -> int:
    """The pages of a paginated file, or what its text would fill when printed."""
    if document.pages:
        return len(document.pages)
    page = CJK_PAGE_CHARACTERS if document.language.startswith("zh") else LATIN_PAGE_CHARACTERS
    return math.ceil(len(document.text) / page)


def generation_figures(records: Sequence[CaseRecord]) -> GenerationFigures | None:
    """Median times over the answers that the generator was asked for; None when there is none.

    An answer whose words were then taken from the sources, because they did not bear the generator's out,
    counts too: its user waited for the generator all the same.
    """
    unasked = (Degradation.LANGUAGE, Degradation.GENERATOR)
    asked = [(r, a) for r, a in _answered(records) if not a.abstained and a.degraded not in unasked]
    firsts = [record.first_token_ms for record, _ in asked if record.first_token_ms is not None]
    if not firsts:
        return None
    own = [answer for _, answer in asked if answer.degraded is None]
    return GenerationFigures(
        answers=len(asked),
        own_words=Share(len(own), len(asked)),
        generator=", ".join(sorted({answer.generator for answer in own})),
        first_token_p50_ms=statistics.median(firsts),
        total_p50_ms=statistics.median(record.total_ms for record, _ in asked),
    )


def documents_found(records: Sequence[CaseRecord]) -> dict[str, Share]:
    """For each language, in how many answerable cases the expected document is in the top 5."""
    expecting = [record for record in records if record.found_at is not None]
    shares: dict[str, Share] = {}
    for language in sorted({record.case.language for record in expecting}):
        ranks = [record.found_at or 0 for record in expecting if record.case.language == language]
        shares[language] = Share(sum(1 <= rank <= TOP for rank in ranks), len(ranks))
    return shares


def refusals(records: Sequence[CaseRecord], *, answerable: bool) -> Share:
    """How many of the answerable, or of the unanswerable, questions were refused."""
    answers = [answer for record, answer in _answered(records) if record.case.answerable is answerable]
    return Share(sum(answer.abstained for answer in answers), len(answers))


def exact_citations(records: Sequence[CaseRecord]) -> Share:
    """How many citations quote their source exactly."""
    citations = [citation for _, answer in _answered(records) for citation in answer.citations]
    return Share(sum(citation.exact for citation in citations), len(citations))


def right_citations(records: Sequence[CaseRecord]) -> Share:
    """How many citations of answerable cases lead to the gold evidence."""
    judged = [c.right for _, answer in _answered(records) for c in answer.citations if c.right is not None]
    return Share(sum(judged), len(judged))


def _answered(records: Sequence[CaseRecord]) -> list[tuple[CaseRecord, AnswerRecord]]:
    return [(record, record.answer) for record in records if record.answer is not None]
