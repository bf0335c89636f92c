"""Answers go when they are as old as the settings allow."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from ingest.errors import DatabaseError
from service.cache.answer_cache import AnswerCache
from service.history.history import History

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 3600.0


async def purge_regularly(
    history: History,
    cache: AnswerCache | None,
    keep_days: float | None,
    pause_seconds: float = PAUSE_SECONDS,
) -> None:
    """Delete what is older than ``keep_days``, now and then, until cancelled; None keeps everything."""
    while keep_days is not None:
        before = datetime.now(UTC) - timedelta(days=keep_days)
        try:
            if cache is not None:
                await asyncio.to_thread(cache.purge, before)
            deleted = await asyncio.to_thread(history.purge, before)
            if deleted:
                logger.info("%d answers older than %g days were deleted", deleted, keep_days)
        except DatabaseError as error:
            logger.warning("old answers are not deleted now: %s", error)
        await asyncio.sleep(pause_seconds)
