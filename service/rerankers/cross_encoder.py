"""A cross-encoder through sentence-transformers: from a folder or a hub, on a GPU when there is one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder

from ingest.errors import ModelNotFoundError, RerankerError, SettingsError

_WINDOW = 512
"""Most tokens of a question and a passage together; passages are chunks, which are far shorter."""


class TorchCrossEncoder:
    """A cross-encoder that gives one score for a pair."""

    def __init__(self, model: str) -> None:
        """
        Raises:
            ModelNotFoundError: ``model`` is neither a folder with a model nor in the local hub cache.
            SettingsError: it gives more than one score for a pair.
        """
        self._model = cast("Any", _open(model))
        self._model.max_length = min(_WINDOW, self._model.max_length or _WINDOW)
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


def _open(model: str) -> CrossEncoder:
    is_folder = Path(model).is_dir()
    try:
        return CrossEncoder(model, local_files_only=is_folder)
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(
            f"the reranking model {model!r} is neither a folder with a model nor in the local hub cache: "
            f"fetch it beforehand (hf download {model}) or set rerank.model to its folder."
        ) from error
