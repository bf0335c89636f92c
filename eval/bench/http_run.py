"""What one load on a server brought: what the client's process prints."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from eval.bench.query_times import QueryTimes


class Load(StrEnum):
    """How requests come; see ``eval.bench.http_client``."""

    CLOSED = "closed"
    OPEN = "open"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class LoadRun:
    """``value`` is of the connections that were kept busy, or of the requests a second that were due.

    ``times`` are latencies, with the client's own processor time for each request; ``failed`` counts the
    answers other than 200.
    """

    load: Load
    value: float
    times: QueryTimes
    per_second: float
    failed: int


@dataclass(frozen=True, slots=True)
class ServedLoad:
    """A load with what it cost the server: the processor time of one request, milliseconds."""

    run: LoadRun
    server_ms: float
