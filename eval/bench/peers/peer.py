"""What a peer is to the retrieval benchmark.

Each module here opens one library over the corpus and gives its searches by name. A search gets a question
with its vector, so that no peer embeds with a model of its own, and returns the rows of its best ten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.bench.peers.names import Kind
from eval.bench.query_times import QueryTimes
from eval.bench.resident import Resident

K = 10
Vector = NDArray[np.float32]
Search = Callable[[str, Vector], list[int]]
Searches = Mapping[str, Search]


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What one search of a peer took. ``resident`` is memory over the texts themselves.

    ``recall_at_10`` is against exact search; None where the search is not by vectors alone.
    """

    name: str
    kind: Kind
    build_seconds: float
    times: QueryTimes
    resident: Resident
    recall_at_10: float | None
