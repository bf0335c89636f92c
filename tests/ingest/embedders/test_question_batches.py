"""Questions that come at the same time are embedded together, and each gets its own vector."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock
from time import monotonic, sleep

import numpy as np
import pytest

from ingest.embed import Matrix
from ingest.embedders.question_batches import QuestionBatches, Tokens

PATIENCE = 10.0


class GatedEncoder:
    """Gives each text its first token as a vector of one number, once its gate is open."""

    def __init__(self) -> None:
        self.gate = Event()
        self.batches: list[list[Tokens]] = []
        self._lock = Lock()

    def __call__(self, texts: Sequence[Tokens]) -> Matrix:
        assert self._lock.acquire(blocking=False), "an encoder serves one call at a time"
        self.batches.append(list(texts))
        assert self.gate.wait(PATIENCE)
        self._lock.release()
        if texts[0][0] < 0:
            raise ValueError("a broken model")
        return np.asarray([[text[0]] for text in texts], dtype=np.float32)


def wait_until_waiting(batches: QuestionBatches, count: int) -> None:
    deadline = monotonic() + PATIENCE
    while len(batches._waiting) < count:  # pyright: ignore[reportPrivateUsage]
        assert monotonic() < deadline
        sleep(0.001)


def ask_behind_one(
    pool: ThreadPoolExecutor, encoder: GatedEncoder, batches: QuestionBatches, texts: Sequence[Tokens]
) -> list[Future[Matrix]]:
    """Ask for all of ``texts`` while the only encoder is busy with a question of one token."""
    asked = [pool.submit(batches.embed, [0])]
    while not encoder.batches:
        sleep(0.001)
    asked += [pool.submit(batches.embed, text) for text in texts]
    wait_until_waiting(batches, len(texts))
    encoder.gate.set()
    return asked


def test_one_alone_is_embedded_at_once() -> None:
    encoder = GatedEncoder()
    encoder.gate.set()
    assert QuestionBatches([encoder]).embed([7, 1]).tolist() == [7.0]
    assert encoder.batches == [[[7, 1]]]


def test_those_that_wait_go_together_and_no_more_than_eight() -> None:
    encoder = GatedEncoder()
    batches, texts = QuestionBatches([encoder]), [[number, 0, 0] for number in range(1, 13)]
    with ThreadPoolExecutor(16) as pool:
        asked = ask_behind_one(pool, encoder, batches, texts)
        assert [future.result().tolist() for future in asked] == [[float(n)] for n in range(13)]
    assert [len(batch) for batch in encoder.batches] == [1, 8, 4]


def test_only_texts_of_like_length_go_together() -> None:
    encoder = GatedEncoder()
    batches = QuestionBatches([encoder])
    with ThreadPoolExecutor(16) as pool:
        asked = ask_behind_one(pool, encoder, batches, [[1] * 10, [2] * 100, [3] * 12, [4] * 110])
        assert [future.result().tolist() for future in asked] == [[0.0], [1.0], [2.0], [3.0], [4.0]]
    assert {frozenset(map(len, batch)) for batch in encoder.batches[1:]} == {
        frozenset({10, 12}),
        frozenset({100, 110}),
    }


def test_a_failure_is_told_to_all_who_wait_for_it_and_to_no_other() -> None:
    encoder = GatedEncoder()
    batches = QuestionBatches([encoder])
    with ThreadPoolExecutor(16) as pool:
        alone, *together = ask_behind_one(pool, encoder, batches, [[-1, 0], [-1, 0], [-1, 0]])
        assert alone.result().tolist() == [0.0]
        for future in together:
            with pytest.raises(ValueError, match="a broken model"):
                future.result()
        assert batches.embed([5]).tolist() == [5.0]
