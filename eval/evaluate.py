"""The whole story of an evaluation: read, open, run, measure."""

from __future__ import annotations

import asyncio
from pathlib import Path

from eval.cases import read_cases
from eval.dataset_index import ensure_indexed
from eval.datasets import read_dataset
from eval.progress import progress_bar
from eval.report import AnswerReport, RetrievalReport, report_answers, report_retrieval
from eval.retrieval import RetrievalRun, run_queries
from eval.run import AnswerRun, run_answers
from ingest.errors import GeneratorError
from ingest.settings import Settings
from service.retrieve import SearchMode
from service.wiring import open_pipeline


def evaluate_retrieval(settings: Settings, folder: Path, mode: str, limit: int | None) -> RetrievalReport:
    """Index the data set's corpus unless that was done before, search for each query, and measure.

    Raises:
        CasesError: the folder does not hold a data set in the BEIR layout.
    """
    dataset = read_dataset(folder, limit=limit)
    collection = ensure_indexed(dataset, settings)
    # Each index gives ``depth`` candidates, so this is all that the configured search can find.
    passages = 2 * settings.retrieval.depth

    async def run() -> tuple[RetrievalRun, str]:
        pipeline = open_pipeline(settings, collection)
        try:
            with progress_bar(dataset.name, len(dataset.queries)) as progress:
                found = await run_queries(pipeline, dataset.queries, SearchMode(mode), passages, progress)
            return found, pipeline.snapshot.id
        finally:
            await pipeline.aclose()

    found, snapshot = asyncio.run(run())
    return report_retrieval(found, dataset=dataset.name, collection=collection, snapshot=snapshot, mode=mode)


def evaluate_answers(settings: Settings, path: Path, *, oracle: bool, limit: int | None) -> AnswerReport:
    """Answer each case, from the collection or from its own passages, and measure.

    Raises:
        CasesError: the file is not in a documented form.
        GeneratorError: not one case could be answered.
    """
    cases = read_cases(path, limit=limit)

    async def run() -> tuple[AnswerRun, str]:
        pipeline = open_pipeline(settings, settings.collection)
        try:
            with progress_bar(path.name, len(cases)) as progress:
                ran = await run_answers(
                    pipeline,
                    pipeline.snapshot.documents,
                    cases,
                    SearchMode.HYBRID,
                    oracle=oracle,
                    progress=progress,
                )
            return ran, pipeline.snapshot.id
        finally:
            await pipeline.aclose()

    ran, snapshot = asyncio.run(run())
    if not ran.outcomes:
        raise GeneratorError(
            f"none of the {len(cases)} cases was answered; the first: {ran.failures[0].message}"
        )
    if oracle:
        return report_answers(ran, collection=None, snapshot=None)
    return report_answers(ran, collection=settings.collection, snapshot=snapshot)
