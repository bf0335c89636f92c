"""All that looks on in one server, put together."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from ingest.embed import Embedder
from ingest.metrics import IngestMetrics
from ingest.optional import require
from ingest.settings_observe import ObserveSettings
from service.observe.catalog import CatalogMetrics
from service.observe.conventions import SCHEMA_URL
from service.observe.metrics import ServiceMetrics
from service.observe.pipelines import ObservedPipelines
from service.observe.recent import RecentFailures
from service.observe.spans import Spans
from service.pipelines import PipelineProvider


class Observation:
    """The metrics of a server and of its ingests, its traces, and what failed a short while ago."""

    def __init__(self, settings: ObserveSettings | None = None, provider: str = "none") -> None:
        """
        Args:
            settings: without a collector for traces, there are none and they cost nothing.
            provider: the kind of the generator.

        Raises:
            MissingExtraError: a collector is set, and the extra ``otel`` is not installed.
        """
        settings = settings or ObserveSettings()
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.metrics = ServiceMetrics(self.registry, provider)
        self.ingests = IngestMetrics(self.registry)
        self.recent = RecentFailures()
        self._tracer_provider: TracerProvider | None = None
        self._spans: Spans | None = None
        if settings.otlp_endpoint is not None:
            tracing = require("service.observe.tracing", extra="otel")
            tracers: TracerProvider = tracing.tracer_provider(settings.otlp_endpoint, settings.trace_share)
            self._tracer_provider = tracers
            tracer = tracers.get_tracer("troika", schema_url=SCHEMA_URL)
            self._spans = Spans(tracer, provider, with_text=settings.trace_text)

    @property
    def requests(self) -> TelemetryConfig:
        """For FastAPI, which makes the span of each request and reads its ``traceparent``."""
        return {
            "tracing": self._tracer_provider is not None,
            "tracer_provider": self._tracer_provider,
            "operation_spans": False,
            "metrics": False,  # they are told to Prometheus
            "logs": False,  # they would hold exceptions' texts
        }

    def of_pipelines(self, pipelines: PipelineProvider, served: Callable[[], str]) -> PipelineProvider:
        """``pipelines``, looked on; what they serve, and by which release, is told as metrics from now on."""
        self.registry.register(CatalogMetrics(pipelines.collections, served))
        return ObservedPipelines(pipelines, (self.metrics, self.recent), self._spans)

    def of_embedder(self, embedder: Embedder) -> Embedder:
        """``embedder``, traced if anything is."""
        return embedder if self._spans is None else self._spans.around_embedder(embedder)

    def close(self) -> None:
        """Send the last spans."""
        shutdown = getattr(self._tracer_provider, "shutdown", None)
        if shutdown is not None:
            shutdown()
