"""An NLI cross-encoder through sentence-transformers: from a folder or a hub, on a GPU when there is one."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch.nn import Identity

from ingest.errors import EntailmentError, SettingsError
from service.retrieval.local_cross_encoder import open_cross_encoder

_LABEL = "entailment"


class NliCrossEncoder:
    """A cross-encoder with a label called "entailment"; its place among the labels is the model's own."""

    def __init__(self, model: str) -> None:
        """
        Raises:
            ModelNotFoundError: ``model`` is neither a folder with a model nor in the local hub cache.
            SettingsError: none of its labels is "entailment".
        """
        self._model = open_cross_encoder(model, kind="NLI", setting="grounding.nli_model")
        labels: dict[int, str] = self._model.model.config.id2label
        places = [place for place, label in labels.items() if label.lower() == _LABEL]
        if not places:
            raise SettingsError(
                f"grounding.nli_model {model!r} has the labels {', '.join(labels.values())} where one called "
                f"{_LABEL} is expected: choose an NLI model, or name its labels in its config.json."
            )
        self._place = places[0]
        self._lock = threading.Lock()  # the tokenizer serves one caller at a time

    def probabilities(self, premises: Sequence[str], hypotheses: Sequence[str]) -> NDArray[np.float32]:
        """The softmax over the labels, at "entailment"; shape (len(premises),), float32.

        Raises:
            EntailmentError: the model failed.
        """
        if not premises:
            return np.empty(0, dtype=np.float32)
        pairs = list(zip(premises, hypotheses, strict=True))
        try:
            with self._lock:
                shares = self._model.predict(
                    pairs, activation_fn=Identity(), apply_softmax=True, show_progress_bar=False
                )
        except RuntimeError as error:
            raise EntailmentError(
                f"the NLI model failed ({error}): check grounding.nli_model and the memory of its device."
            ) from error
        return np.asarray(shares[:, self._place], dtype=np.float32)
