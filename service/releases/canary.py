"""Pipelines of two releases: what is served, and for a share of the conversations the candidate.

Which of them answers hangs on the first turn of the conversation alone, so that all its turns are answered by
one release. While a canary runs, the questions that come in set off a look at its guards now and then; a
candidate that is shown to be worse, or that cannot be opened, is taken back at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import blake2b
from pathlib import Path

from ingest.errors import (
    AdapterNotFoundError,
    AdapterRejectedError,
    GeneratorError,
    ModelNotFoundError,
    PipelineClosedError,
    TroikaError,
)
from ingest.settings_canary import CanarySettings
from service.history.history import History
from service.pipelines import DEFAULT_FRESH_SECONDS, Answering, CollectionSummary, Pipelines
from service.releases.canary_watch import canary_state
from service.releases.promotion import take_back
from service.releases.release_history import Canary, ReleaseRecord, current_record

logger = logging.getLogger(__name__)

_NO_CANDIDATE = (AdapterNotFoundError, AdapterRejectedError, GeneratorError, ModelNotFoundError)


class CanaryPipelines:
    """The pipelines of what is served, and of a candidate; for use from a single event loop."""

    def __init__(
        self,
        home: Path,
        served: Pipelines,
        candidate: Pipelines,
        history: History,
        settings: CanarySettings,
        *,
        fresh_seconds: float = DEFAULT_FRESH_SECONDS,
    ) -> None:
        """``fresh_seconds``: how long a canary is taken to run without another look, as in ``Pipelines``."""
        self._home = home
        self._served = served
        self._candidate = candidate
        self._history = history
        self._settings = settings
        self._fresh = fresh_seconds
        self._record: ReleaseRecord | None = None
        self._seen = -fresh_seconds
        self._checked = 0.0
        self._checking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def lease(self, collection: str, conversation: str | None = None) -> AsyncGenerator[Answering]:
        """The pipeline that answers ``conversation``; without one, what is served to all.

        Raises:
            TroikaError: as ``Pipelines.lease``.
        """
        async with AsyncExitStack() as held:
            yield await self._leased(held, collection, conversation)

    def collections(self) -> Sequence[CollectionSummary]:
        """All published collections."""
        return self._served.collections()

    async def aclose(self) -> None:
        """Close every pipeline; call it when no lease is held any more."""
        if self._checking is not None:
            await asyncio.wait((self._checking,))
        await self._served.aclose()
        await self._candidate.aclose()

    async def _leased(self, held: AsyncExitStack, collection: str, conversation: str | None) -> Answering:
        record = await self._current()
        canary = None if record is None else record.canary
        if record is not None and canary is not None and conversation is not None:
            self._check_now_and_then()
            if goes_to(canary, conversation):
                try:
                    return await held.enter_async_context(self._candidate.lease(collection))
                except PipelineClosedError:
                    pass  # the canary was ended or changed while its model was loaded
                except _NO_CANDIDATE as error:
                    await asyncio.to_thread(self._take_back, record, canary, f"it cannot be opened: {error}")
        return await held.enter_async_context(self._served.lease(collection))

    async def _current(self) -> ReleaseRecord | None:
        """The record of what is served, looked at anew now and then."""
        now = asyncio.get_running_loop().time()
        if now - self._seen < self._fresh:
            return self._record
        self._seen = now
        last = self._record
        try:
            self._record = await asyncio.to_thread(current_record, self._home)
        except TroikaError:
            logger.exception("the history of releases cannot be read")  # leasing what is served says so, too
        if last is not None and last.canary is not None and last != self._record:
            await self._candidate.aclose()  # its model is of no use any more; answers under way keep it
        return self._record

    def _check_now_and_then(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._checked >= self._settings.check_seconds and self._checking is None:
            self._checked = now
            self._checking = asyncio.create_task(asyncio.to_thread(self._check))
            self._checking.add_done_callback(self._was_checked)

    def _was_checked(self, task: asyncio.Task[None]) -> None:
        self._checking = None
        if not task.cancelled() and task.exception() is not None:
            logger.error("the guards of the canary could not be asked", exc_info=task.exception())

    def _check(self) -> None:
        state = canary_state(self._home, self._history, self._settings)
        if state is not None and state.complaint is not None:
            self._take_back(state.record, state.canary, state.complaint)

    def _take_back(self, record: ReleaseRecord, canary: Canary, reason: str) -> None:
        if take_back(self._home, record.number, f"{canary.release} was taken back: {reason}"):
            logger.warning("the canary of %s was taken back: %s", canary.release, reason)


def goes_to(canary: Canary, conversation: str) -> bool:
    """Whether the candidate answers the conversation that begins with this text.

    A larger share of the same candidate keeps the conversations that it has; another one draws others.
    """
    drawn = f"{canary.release}\n{conversation.strip()}".encode("utf-8", "surrogatepass")
    digest = blake2b(drawn, digest_size=8).digest()
    return int.from_bytes(digest, "big") < canary.share * 2**64
