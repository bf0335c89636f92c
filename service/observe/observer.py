"""Who is told what the service did; the pipelines know nothing of it."""

from __future__ import annotations

from typing import Protocol

from service.answer import Answer, SearchResult


class Observer(Protocol):
    """Is told in the event loop, between two events of a stream: it must be quick, and must not raise."""

    def answered(self, answer: Answer) -> None:
        """An answer was made, or given again, as a whole."""
        ...

    def searched(self, result: SearchResult) -> None:
        """A search was done."""
        ...
