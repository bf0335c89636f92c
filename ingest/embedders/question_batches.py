"""Questions that come at the same time are embedded together: eight of like length take the time of five.

None waits for others to come. One that finds an encoder free is embedded at once; while all are busy, those
that wait gather, and go together when one is free again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition

from ingest.embed import Matrix, Vector

Tokens = list[int]
Encoder = Callable[[Sequence[Tokens]], Matrix]

_MOST_TOGETHER = 8
_MOST_APART = 0.5
"""How much longer or shorter another may be, as a share of a question's own length: each is filled up to the
longest, so that texts of very different lengths are quicker apart."""


class QuestionBatches:
    """Embeds questions of any number of threads on a few encoders, each of which serves one at a time."""

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        self._free = list(encoders)
        self._waiting: dict[Future[Vector], Tokens] = {}
        self._changed = Condition()

    def embed(self, tokens: Tokens) -> Vector:
        """The vector of one question; shape (dimension,), float32."""
        own: Future[Vector] = Future()
        with self._changed:
            self._waiting[own] = tokens
            self._changed.wait_for(lambda: own.done() or (self._free and own in self._waiting))
            if own.done():
                return own.result()
            encoder, batch = self._free.pop(), self._take(own)
        try:
            _encode(encoder, batch)
        finally:
            with self._changed:
                self._free.append(encoder)
                self._changed.notify_all()
        return own.result()

    def _take(self, own: Future[Vector]) -> dict[Future[Vector], Tokens]:
        """The question itself and those that have waited longest of those about as long as it is."""
        length = len(self._waiting[own])
        batch = {own: self._waiting.pop(own)}
        for other, tokens in list(self._waiting.items()):
            if len(batch) < _MOST_TOGETHER and abs(len(tokens) - length) <= _MOST_APART * length:
                batch[other] = self._waiting.pop(other)
        return batch


def _encode(encoder: Encoder, batch: dict[Future[Vector], Tokens]) -> None:
    try:
        vectors = encoder(list(batch.values()))
    except BaseException as error:  # whatever it is, the others must not wait for ever
        for waiting in batch:
            waiting.set_exception(error)
    else:
        for waiting, vector in zip(batch, vectors, strict=True):
            waiting.set_result(vector)
