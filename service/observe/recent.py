"""What the last answers tell of the servers behind them: nothing is asked of those for the sake of asking."""

from __future__ import annotations

import time
from collections.abc import Callable

from service.answer import Answer, Degradation, Reranking, SearchResult

_REMEMBERED_SECONDS = 60.0


class RecentFailures:
    """Remembers a failure until the same server has worked, or for a minute in which nobody asked it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._generator_failed: float | None = None
        self._reranker_failed: float | None = None

    @property
    def generator(self) -> bool:
        """Whether the generator failed when it was last asked, a short while ago."""
        return self._is_recent(self._generator_failed)

    @property
    def reranker(self) -> bool:
        """Whether the reranker failed when it was last asked, a short while ago."""
        return self._is_recent(self._reranker_failed)

    def answered(self, answer: Answer, model: str) -> None:  # noqa: ARG002  (it is one server's either way)
        """Note what an answer that was made anew tells."""
        if answer.cache is not None:
            return
        if answer.degraded is Degradation.GENERATOR:
            self._generator_failed = self._clock()
        elif answer.usage.completion_tokens:
            self._generator_failed = None
        self._note(answer.reranking)

    def searched(self, result: SearchResult) -> None:
        """Note what a search tells."""
        self._note(result.reranking)

    def _note(self, reranking: Reranking | None) -> None:
        if reranking is Reranking.FAILED:
            self._reranker_failed = self._clock()
        elif reranking is Reranking.APPLIED:
            self._reranker_failed = None

    def _is_recent(self, moment: float | None) -> bool:
        return moment is not None and self._clock() - moment < _REMEMBERED_SECONDS
