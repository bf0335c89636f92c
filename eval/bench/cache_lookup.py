"""Times of lookups in an answer cache that is full."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.bench.cache_figures import LookupFigures
from eval.retrieval.report import percentiles
from ingest.document import BlockKind, Chunk
from ingest.embed import Embedder, Vector
from ingest.words.questions import WordRule
from service.answer import Answer, Passage, Usage
from service.cache.answer_cache import AnswerCache, Scope
from service.cache.same_question import SameQuestion

LOOKUPS = 1_000
QUESTIONS_OF_A_PASSAGE = 8
_SCOPE = Scope("bench", "snapshot base", "")
_SEED = 7
_COMMON = 50
_SENTENCES = (
    "Orders are shipped within two days, and the invoice follows by mail on the first of the month. " * 4
)


def measure_lookups(entries: int, embedder: Embedder, similarity: float) -> LookupFigures:
    """Fill a cache with ``entries`` answers, several to each best passage, and look questions up in it.

    A semantic lookup reads the questions of one passage, compares vectors and words, and reads the answer of
    the one that is the same. Every other looks for a question that was not put before.
    """
    with tempfile.TemporaryDirectory(prefix="troika-bench-") as folder:
        cache = AnswerCache(Path(folder) / "answers.sqlite", entries)
        try:
            return _measure(cache, entries, embedder, similarity)
        finally:
            cache.close()


def _measure(cache: AnswerCache, entries: int, embedder: Embedder, similarity: float) -> LookupFigures:
    vectors = np.random.default_rng(_SEED).standard_normal((entries, embedder.spec.dimension), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for number in range(entries):
        cache.keep(_SCOPE, _answer(number), vectors[number])
    same = SameQuestion(embedder.embed_query, WordRule(lambda _: _COMMON, 100), similarity)
    step = max(1, entries // LOOKUPS)
    numbers = range(0, entries, step)

    def exact(number: int) -> None:
        cache.exact(_SCOPE, _question(number))

    def semantic(number: int) -> None:
        _look_up(cache, same, number, vectors[number] if number % (2 * step) else -vectors[number])

    def embedded(number: int) -> None:
        _look_up(cache, same, number, same.embed(_question(number)))

    times = [_times(look_up, numbers) for look_up in (exact, semantic, embedded)]
    shares = [share for found in times for share in (found["p50"], found["p99"])]
    return LookupFigures(entries, *shares)


def _look_up(cache: AnswerCache, same: SameQuestion, number: int, vector: Vector) -> None:
    kept = cache.alike(_SCOPE, f"passage {number // QUESTIONS_OF_A_PASSAGE}-0")
    best = same.best(_question(number), vector, ((one, one.question, one.vector) for one in kept))
    if best is not None:
        cache.answer(best)


def _times(look_up: Callable[[int], None], numbers: Sequence[int]) -> dict[str, float]:
    times: list[float] = []
    for number in numbers:
        started = time.perf_counter()
        look_up(number)
        times.append((time.perf_counter() - started) * 1e3)
    return percentiles(times)


def _question(number: int) -> str:
    return f"How is order {number} shipped, and when does its invoice follow?"


def _answer(number: int) -> Answer:
    """An answer of the usual size: three passages of some 400 characters."""
    chunk = Chunk(
        "", "document", "file:///orders", "Orders", (), _SENTENCES, 0, len(_SENTENCES), None, None,
        BlockKind.PARAGRAPH, "en",
    )  # fmt: skip
    place = number // QUESTIONS_OF_A_PASSAGE
    passages = tuple(
        Passage(marker, replace(chunk, id=f"passage {place}-{marker - 1}"), 1 / marker)
        for marker in (1, 2, 3)
    )
    return Answer(
        id=str(number),
        question=_question(number),
        text=f"Order {number} is shipped within two days [1].",
        language="en",
        citations=(),
        passages=passages,
        abstained=False,
        groundedness=1.0,
        evidence=1.0,
        invented_markers=0,
        degraded=None,
        generator="bench",
        prompt_id="bench",
        release="base",
        collection="bench",
        snapshot_id="snapshot",
        timings_ms={},
        usage=Usage(),
        created_at="",
    )
