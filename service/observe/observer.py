"""Who is told what the service did; the pipelines know nothing of it."""

from __future__ import annotations

from typing import Protocol

from service.answer import Answer, SearchResult


class Observer(Protocol):
    """Is told in the event loop, between two events of a stream: it must be quick, and must not raise."""

    def answered(self, answer: Answer, model: str) -> None:
        """An answer was made, or given again, as a whole; ``model`` wrote the tokens that it counts.

        ``Answer.generator`` may be another: what stands in for a text that could not be shown.
        """
        ...

    def searched(self, result: SearchResult) -> None:
        """A search was done."""
        ...
