"""What Troika's own retrieval took: what its measuring process prints."""

from __future__ import annotations

from dataclasses import dataclass

from eval.bench.query_times import QueryTimes
from eval.bench.resident import Resident


@dataclass(frozen=True, slots=True)
class TroikaRun:
    """What one collection took. ``stages`` are measured one by one, on the same questions.

    ``vector_given`` is the whole path without the embedding, which is what the peers are asked to do.
    ``opened`` is the memory that opening the collection added, ``searched`` that and all queries.
    """

    chunks: int
    open_seconds: float
    whole: QueryTimes
    vector_given: QueryTimes
    stages: dict[str, QueryTimes]
    opened: Resident
    searched: Resident
    recall_at_10: float
