"""Figures that need more than the records: prices of tokens, or a model that judges entailment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from eval.measures.entailed_citations import entailed_citation_measures
from eval.measures.measure import Direction, Measure
from eval.metrics.cost import TokenPrice, cost
from eval.runs.record import CaseRecord
from ingest.settings import Settings
from service.grounding.entailment import load_entailment


def configured_measures(records: Sequence[CaseRecord], settings: Settings) -> Iterator[Measure]:
    """What the settings allow to be measured.

    ``cost`` per case by ``generator.prompt_price`` and ``generator.completion_price``, of which one that is
    missing is 0; citations by ``grounding.nli_model``, as ``eval.measures.entailed_citations`` defines it.

    Raises:
        ModelNotFoundError, SettingsError, EntailmentError: the model cannot be used.
    """
    prices = settings.generator.prompt_price, settings.generator.completion_price
    if any(price is not None for price in prices):
        yield cost_measure(records, TokenPrice(prices[0] or 0.0, prices[1] or 0.0))
    entailment = load_entailment(settings.grounding)
    if entailment is not None:
        yield from entailed_citation_measures(records, entailment)


def cost_measure(records: Sequence[CaseRecord], price: TokenPrice) -> Measure:
    """What a case costs on average, in the currency of ``price``; a case that failed counts as free."""
    values = np.array([cost(record, price) for record in records], dtype=np.float64)
    return Measure("cost", values, np.ones_like(values), Direction.LOWER)
