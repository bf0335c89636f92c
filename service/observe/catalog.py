"""What the server serves, as Prometheus reads it: looked up when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ingest.errors import TroikaError
from service.pipelines import CollectionSummary


class CatalogMetrics(Collector):
    """The published snapshot of each collection, its size, and the release that is served."""

    def __init__(
        self, collections: Callable[[], Sequence[CollectionSummary]], served: Callable[[], str]
    ) -> None:
        """``served`` gives the name of the release that is served."""
        self._collections = collections
        self._served = served

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry would look everything up once more to learn the names."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The gauges, as things stand now."""
        snapshots = GaugeMetricFamily(
            "rag_snapshot_info", "The snapshot that is searched; always 1.", labels=("collection", "snapshot")
        )
        chunks = GaugeMetricFamily(
            "rag_collection_chunks", "Chunks that are searched.", labels=("collection",)
        )
        for summary in self._collections():
            snapshots.add_metric((summary.name, summary.snapshot_id), 1)
            chunks.add_metric((summary.name,), summary.chunks)
        releases = GaugeMetricFamily(
            "rag_release_info", "The release that answers; always 1.", labels=("release",)
        )
        with suppress(TroikaError):  # told by /readyz; it must not hide the other metrics
            releases.add_metric((self._served(),), 1)
        return snapshots, chunks, releases
