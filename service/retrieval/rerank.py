"""Order the best hits anew by a model that reads the question and each passage together.

It costs many times what the search does, so it sees the first hits only, and none where the first one is
far ahead. A reranker that fails leaves the order as it was.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.document import Chunk, Hit
from ingest.errors import RerankerError, SettingsError
from ingest.settings import RerankSettings
from service.answer import Reranking
from service.observe.failures import told_of

logger = logging.getLogger(__name__)


class Reranker(Protocol):
    """Judges passages against a question; safe to share between threads."""

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """How well each passage answers ``query``, higher is better; shape (len(passages),), float32.

        Raises:
            RerankerError: the model or the server behind it failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class RerankPolicy:
    """How many hits are reranked, and from which lead of the first over the second none is."""

    depth: int
    margin: float


def rerank(
    query: str, hits: Sequence[Hit], reranker: Reranker, policy: RerankPolicy
) -> tuple[list[Hit], Reranking]:
    """``hits`` with the first ``policy.depth`` of them in the reranker's order, and the rest in theirs.

    The scores stay a falling list: a hit takes the score of the place that it moves to, and keeps the
    reranker's own in ``rerank_score``. Ties stay in order.
    """
    head, rest = list(hits[: policy.depth]), list(hits[policy.depth :])
    if len(head) < 2 or head[0].score - head[1].score >= policy.margin:
        return list(hits), Reranking.SKIPPED
    try:
        scores = reranker.score(query, [passage_text(hit.chunk) for hit in head])
    except RerankerError as error:
        logger.warning("the hits keep their order: %s", told_of(error))
        return list(hits), Reranking.FAILED
    order: list[int] = np.argsort(-scores, kind="stable").tolist()
    moved = [
        replace(head[index], score=place.score, rerank_score=float(scores[index]))
        for index, place in zip(order, head, strict=True)
    ]
    return moved + rest, Reranking.APPLIED


def load_reranker(settings: RerankSettings, threads: int) -> Reranker | None:
    """The reranker that the settings name; None when they name none.

    Args:
        settings: with ``base_url``, ``model`` is what the server calls it; without, a folder or a hub id.
        threads: of a model that runs here on the CPU.

    Raises:
        ModelNotFoundError, SettingsError
    """
    if settings.model is None:
        if settings.base_url is not None:
            raise SettingsError(
                "rerank.base_url is set and rerank.model is not: give the name of the model it serves."
            )
        return None
    if settings.base_url is not None:
        from service.retrieval.rerankers.http import HttpReranker

        key = settings.api_key.get_secret_value() if settings.api_key else None
        return HttpReranker(settings.model, settings.base_url, key, settings.timeout_seconds)
    from service.retrieval.rerankers.exported import ExportedCrossEncoder, exported_model

    export = exported_model(settings.model)
    if export is not None:
        return ExportedCrossEncoder(export, threads)
    from service.retrieval.rerankers.cross_encoder import TorchCrossEncoder

    return TorchCrossEncoder(settings.model)


def passage_text(chunk: Chunk) -> str:
    """What a reranker reads of a passage."""
    return "\n".join(part for part in (chunk.headline, chunk.table_header, chunk.text) if part)
