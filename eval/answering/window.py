"""Several cases at a time, each answered or failed on its own, and never all of them in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from itertools import islice

from eval.answering.answerer import Answerer
from eval.answering.stopwatch import Stopwatch
from eval.cases.case import Case
from eval.runs.record import CaseRecord, Failure, failed_record
from ingest.errors import ServerError, TroikaError


async def answer_cases(
    answerer: Answerer, cases: Iterable[Case], concurrency: int = 1
) -> AsyncGenerator[CaseRecord]:
    """The record of each case, as they come; only ``concurrency`` cases are taken from ``cases`` at a time.

    An error in one case is kept in its record and does not stop the others.

    Raises:
        ServerError: no case can be answered any more.
    """
    waiting = iter(cases)
    running: set[asyncio.Task[CaseRecord]] = set()
    try:
        while True:
            for case in islice(waiting, concurrency - len(running)):
                running.add(asyncio.create_task(_record(answerer, case)))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _record(answerer: Answerer, case: Case) -> CaseRecord:
    watch = Stopwatch()
    try:
        return await answerer.record(case)
    except ServerError:
        raise
    except TroikaError as error:
        return failed_record(case, Failure(error.code, str(error)), watch.elapsed_ms())
