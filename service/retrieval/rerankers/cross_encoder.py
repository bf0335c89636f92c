"""A cross-encoder through sentence-transformers: from a folder or a hub, on a GPU when there is one."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.errors import RerankerError, SettingsError
from service.retrieval.local_cross_encoder import open_cross_encoder


class TorchCrossEncoder:
    """A cross-encoder that gives one score for a pair."""

    def __init__(self, model: str) -> None:
        """
        Raises:
            ModelNotFoundError: ``model`` is neither a folder with a model nor in the local hub cache.
            SettingsError: it gives more than one score for a pair.
        """
        self._model = open_cross_encoder(model, kind="reranking", setting="rerank.model")
        if self._model.num_labels != 1:
            raise SettingsError(
                f"rerank.model {model!r} gives {self._model.num_labels} scores for a pair where one is "
                "expected: choose a model made for reranking."
            )
        self._lock = threading.Lock()  # the tokenizer serves one caller at a time

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Scores of shape (len(passages),), float32.

        Raises:
            RerankerError: the model failed.
        """
        pairs = [(query, passage) for passage in passages]
        try:
            with self._lock:
                scores = self._model.predict(pairs, show_progress_bar=False)
        except RuntimeError as error:
            raise RerankerError(
                f"the reranking model failed ({error}): check rerank.model and the memory of its device."
            ) from error
        return np.asarray(scores, dtype=np.float32)
