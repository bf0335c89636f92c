"""What the ingests of a process did, as Prometheus reads it; for the server's ``/metrics``.

Nothing is labelled by document or collection: there may be any number of either. How fast chunks are embedded
is ``rag_ingest_chunks_total{state="embedded"}`` over ``rag_ingest_embedding_seconds_total``.
"""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ingest.progress import Progress, Publication
from ingest.report import Failure

_PUBLISH_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class IngestMetrics:
    """The counters of all ingests, in the registry that is given; each run gets a listener from ``watch``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sources = Counter(
            "rag_ingest_sources_total",
            "Sources dealt with, unchanged and failed ones too.",
            registry=registry,
        )
        self.pages = Counter(
            "rag_ingest_pages_total", "Pages of documents that were added.", registry=registry
        )
        self.chunks = Counter(
            "rag_ingest_chunks_total",
            "Chunks that were cut, and that got a vector.",
            ["state"],
            registry=registry,
        )
        self.failures = Counter(
            "rag_ingest_failures_total",
            "Sources and parts of them that were not read.",
            ["code"],
            registry=registry,
        )
        self.embedding_seconds = Counter(
            "rag_ingest_embedding_seconds_total", "Time in which chunks got their vectors.", registry=registry
        )
        self.publish_seconds = Histogram(
            "rag_ingest_publish_seconds",
            "Time to save, checksum, sync and switch to a snapshot.",
            buckets=_PUBLISH_SECONDS,
            registry=registry,
        )
        self.snapshot_bytes = Gauge(
            "rag_snapshot_bytes", "Size of the snapshot that was published last.", registry=registry
        )
        self.lag_chunks = Gauge(
            "rag_index_lag_chunks",
            "Chunks without a vector of the snapshot published last.",
            registry=registry,
        )

    def watch(self) -> Progress:
        """Progress of one run."""
        return _Watched(self)


class _Watched:
    """Counts what one run says of itself."""

    def __init__(self, metrics: IngestMetrics) -> None:
        self._metrics = metrics
        self._last_embedded = 0.0

    def start(self, sources: int | None) -> None:
        """Nothing is known yet of what will be done."""

    def advance(self, name: str, pages: int = 0, chunks: int = 0) -> None:  # noqa: ARG002 - the protocol's
        """Count one source."""
        self._metrics.sources.inc()
        self._metrics.pages.inc(pages)
        self._metrics.chunks.labels("cut").inc(chunks)

    def failed(self, failure: Failure) -> None:
        """Count a failure by its code."""
        self._metrics.failures.labels(failure.code).inc()

    def embedding(self, chunks: int) -> None:  # noqa: ARG002 - the protocol's
        """Begin to take the time."""
        self._last_embedded = time.perf_counter()

    def embedded(self, chunks: int) -> None:
        """Count vectors and the time since the ones before."""
        now = time.perf_counter()
        self._metrics.chunks.labels("embedded").inc(chunks)
        self._metrics.embedding_seconds.inc(now - self._last_embedded)
        self._last_embedded = now

    def published(self, publication: Publication) -> None:
        """Note what readers see now."""
        self._metrics.publish_seconds.observe(publication.seconds)
        self._metrics.snapshot_bytes.set(publication.bytes)
        self._metrics.lag_chunks.set(publication.unembedded)
