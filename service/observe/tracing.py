"""OpenTelemetry's SDK: where spans are sent to. Only imported when a collector is set."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased


def tracer_provider(otlp_endpoint: str, trace_share: float) -> TracerProvider:
    """Sends the spans in batches, from a thread of its own, to the collector at ``otlp_endpoint``.

    A request whose caller has decided whether it is traced is traced or not accordingly; of the others,
    ``trace_share`` are. A collector that does not answer costs spans, and nothing else.
    """
    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: "troika"}),
        sampler=ParentBased(TraceIdRatioBased(trace_share)),
    )
    exporter = OTLPSpanExporter(endpoint=f"{otlp_endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
