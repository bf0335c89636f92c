"""Whose work a server does that Troika asks."""

from __future__ import annotations

from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()


def outgoing_headers() -> dict[str, str]:
    """The ``traceparent`` (W3C Trace Context) of the current span; nothing where nothing is traced."""
    headers: dict[str, str] = {}
    _PROPAGATOR.inject(headers)
    return headers
