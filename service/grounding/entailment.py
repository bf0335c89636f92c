"""Whether one text follows from another, by a model of natural language inference (NLI)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.settings_answer import GroundingSettings


class Entailment(Protocol):
    """Judges whether a premise bears out a hypothesis; safe to share between threads."""

    def probabilities(self, premises: Sequence[str], hypotheses: Sequence[str]) -> NDArray[np.float32]:
        """The probability that each premise entails its hypothesis, 0 to 1; shape (len(premises),), float32.

        Raises:
            EntailmentError: the model failed.
        """
        ...


def load_entailment(settings: GroundingSettings) -> Entailment | None:
    """The model that the settings name; None when they name none.

    Raises:
        ModelNotFoundError, SettingsError
    """
    if settings.nli_model is None:
        return None
    from service.grounding.entailers.cross_encoder import NliCrossEncoder

    return NliCrossEncoder(settings.nli_model)
