"""How answering goes, for who runs the server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from service.access.caller import Scope, allowed
from service.history.history import History
from service.routes.problems import PROBLEMS
from service.statistics.collect import collect_statistics
from service.statistics.schemas import StatisticsBody

MOST_HOURS = 31 * 24


def statistics_router(history: History) -> APIRouter:
    """The route for statistics of the kept answers."""
    router = APIRouter(prefix="/v1", tags=["answers"])

    # They tell of everybody's answers.
    @router.get("/statistics", responses=PROBLEMS, dependencies=[Depends(allowed(Scope.ADMIN))])
    async def statistics(  # pyright: ignore[reportUnusedFunction]
        hours: Annotated[int, Query(ge=1, le=MOST_HOURS, description="how far to look back")] = 24,
    ) -> StatisticsBody:
        """Answers, their durations and their thumbs of the last hours, in buckets of time and by release."""
        found = await asyncio.to_thread(collect_statistics, history, datetime.now(UTC), hours)
        return StatisticsBody.of(found)

    return router
