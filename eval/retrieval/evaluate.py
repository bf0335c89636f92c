"""The whole story of an evaluation: read, open, run, measure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from eval.progress import progress_bar
from eval.retrieval.dataset_index import ensure_indexed
from eval.retrieval.datasets import read_dataset
from eval.retrieval.report import report_retrieval
from eval.retrieval.run import RetrievalRun, run_queries
from eval.retrieval.table import SetResult, gains_of_fusion
from ingest.settings import Settings
from service.retrieval.retrieve_mode import SearchMode
from service.wiring import open_pipeline


def evaluate_retrieval(
    settings: Settings,
    folder: Path,
    modes: Sequence[SearchMode],
    *,
    limit: int | None = None,
    with_history: bool = False,
) -> SetResult:
    """Index the data set's corpus unless that was done before, search for each query, and measure.

    Args:
        with_history: whether the search is told of the turns before a query.

    Raises:
        CasesError: the folder does not hold a data set in the BEIR layout.
    """
    dataset = read_dataset(folder, limit=limit)
    collection = ensure_indexed(dataset, settings)
    # A search for more passages than this would take more candidates from each index than are taken
    # when Troika serves, and rank them otherwise.
    passages = settings.retrieval.depth

    async def run() -> tuple[dict[SearchMode, RetrievalRun], str]:
        pipeline = await open_pipeline(settings, collection)
        runs: dict[SearchMode, RetrievalRun] = {}
        try:
            for mode in modes:
                with progress_bar(f"{dataset.name} {mode}", len(dataset.queries)) as progress:
                    runs[mode] = await run_queries(
                        pipeline,
                        dataset.queries,
                        mode,
                        passages,
                        with_history=with_history,
                        progress=progress,
                    )
            return runs, pipeline.snapshot.id
        finally:
            await pipeline.aclose()

    runs, snapshot = asyncio.run(run())
    reports = {
        mode: report_retrieval(
            found,
            dataset=dataset.name,
            collection=collection,
            snapshot=snapshot,
            mode=mode,
            passages=passages,
        )
        for mode, found in runs.items()
    }
    return SetResult(reports, gains_of_fusion(runs))
