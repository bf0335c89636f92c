"""Make a kept answer again from what it was made from: its snapshot, release, question and conditions."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from ingest.errors import UsageError
from ingest.settings import Settings
from service.history.history import open_history
from service.pipeline import fold
from service.replay.difference import Difference, compare
from service.wiring import open_pipeline


async def replay(settings: Settings, answer_id: str, release: str | None = None) -> Difference:
    """Answer again, past all caches and without keeping it; ``release`` answers in place of the one that did.

    The prompt and the settings are those of now: where the answer hangs on them, it shows.

    Raises:
        AnswerNotFoundError: no such answer is kept.
        UsageError: it was kept without the conditions that it was asked under.
        SnapshotNotFoundError: its snapshot is not kept any more.
        TroikaError: as ``service.wiring.open_pipeline`` and the pipeline.
    """
    with closing(open_history(settings)) as history:
        stored = history.get(answer_id)
    then = stored.answer
    if stored.inquiry is None:
        raise UsageError(
            f"the answer {answer_id!r} was kept by an older Troika, without the conditions that it was asked "
            "under: replay one that was given since."
        )
    pipeline = await open_pipeline(
        settings, then.collection, release=release or then.release, snapshot_id=then.snapshot_id
    )
    try:
        now = await fold(pipeline.stream(replace(stored.inquiry, cache=False)))
    finally:
        await pipeline.aclose()
    return compare(then, now)
